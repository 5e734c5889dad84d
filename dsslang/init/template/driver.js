// The untrusted driver: one script whose value is a function. It runs in a compartment and reaches nothing but `io`.
// Nobody relies on it for safety; the monitor compiled from example_device.dss stands between it and the device.
(io) => {
  const SOURCE = 0x00;
  const TARGET = 0x04;
  const LENGTH = 0x08;
  const START = 0x0c;
  const source = io.allocate(4096, 'device-reads');
  const target = io.allocate(4096, 'device-writes');

  return {
    init() {
      io.write32(0, SOURCE, source.address);
      io.write32(0, TARGET, target.address);
      io.send({ kind: 'ready' });
    },
    message({ bytes }) {
      source.copyIn(0, bytes);
      io.write32(0, LENGTH, bytes.length);
      io.write32(0, START, 1);
      io.send({ kind: 'copied', bytes: target.copyOut(0, bytes.length) });
    },
  };
};
