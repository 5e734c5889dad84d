/**
 * What is on the far side of a device: the cable, the loudspeaker, the medium, the hand on the mouse.
 *
 * Whoever opens a device holds these ends; its driver never sees them. They are how demos and conformance suites know that
 * a device really did what its driver says. A backing offers those that its device has. Types only.
 */

/** The far end of a network device: what a cable would carry. */
export interface Wire {
  /** A frame towards the device. */
  send(frame: Uint8Array): void;
  /** Frames that the device sent. Frames with no listener are dropped, as on a cable. */
  onFrame(listener: (frame: Uint8Array) => void): void;
}

/** What hears a sound device: signed 16-bit little-endian samples, stereo interleaved. */
export interface Speaker {
  /** Everything played since the device was started, in bytes. A private copy. */
  heard(): Uint8Array;
}

/** What a sound device records. */
export interface Microphone {
  /** Samples as a speaker hears them; taken up as the device records, and silence after their end. */
  say(samples: Uint8Array): void;
}

/** The medium of a disk, past the device: what another machine would find on it. */
export interface Disk {
  readonly sizeBytes: number;
  /** A private copy. @throws RangeError beyond the end */
  read(offset: number, length: number): Uint8Array;
  /** @throws RangeError beyond the end */
  write(offset: number, bytes: Uint8Array): void;
}

export type MouseButton = 'left' | 'middle' | 'right';

/** The hand on a mouse. Movements are in counts, positive to the right, down, and towards the user. */
export interface Hand {
  move(dx: number, dy: number, wheel?: number): void;
  press(button: MouseButton, down: boolean): void;
}

export interface FarEnds {
  readonly wire?: Wire | undefined;
  readonly speaker?: Speaker | undefined;
  readonly microphone?: Microphone | undefined;
  readonly disk?: Disk | undefined;
  readonly hand?: Hand | undefined;
}
