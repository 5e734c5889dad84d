/**
 * The AHCI driver in its own domain behind the compiled specification: it passes the conformance suite of the block class on
 * the model and on QEMU's controller, with queued commands, and is refused nothing.
 */
import { qemuVersion } from '../backing/qemu/index.ts';
import { describeInline, describeIsolated } from '../class/testing/block-suites.ts';
import { loadDeviceSpecification } from '../devices.ts';
import { AHCI } from './entry.ts';

const suite = { device: AHCI, specification: await loadDeviceSpecification(AHCI) };
const skip =
  (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)' : false;
const { model, qemu } = AHCI.backings;

describeIsolated('on the model the AHCI driver conforms to the block class:', suite, model());
describeInline('on the model in virtual time the AHCI driver conforms to the block class:', suite);
describeIsolated("on QEMU's controller the AHCI driver conforms to the block class:", suite, qemu(), { skip });
