/**
 * The IDE driver in its own domain behind the compiled specification: it passes the conformance suite of the block class by
 * the bus master and by the data port, on the model and on QEMU's controller, and is refused nothing.
 */
import { qemuVersion } from '../backing/qemu/index.ts';
import { describeInline, describeIsolated, type BlockSuite } from '../class/testing/block-suites.ts';
import { loadDeviceSpecification } from '../devices.ts';
import { IDE } from './entry.ts';

const specification = await loadDeviceSpecification(IDE);
const suite = (by: 'master' | 'port'): BlockSuite => ({
  device: IDE,
  specification,
  first: { kind: 'transfers', by },
});
const skip =
  (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)' : false;
const { model, qemu } = IDE.backings;
/** Each word through the data port of QEMU costs 14 us, so only some of the suite goes there. */
const FEW_WORDS = /single sectors|before a flush|when it is reset/;

describeIsolated(
  'by the bus master, on the model, the IDE driver conforms to the block class:',
  suite('master'),
  model(),
);
describeInline(
  'by the data port, on the model in virtual time, the IDE driver conforms to the block class:',
  suite('port'),
);
describeIsolated(
  "by the bus master, on QEMU's controller, the IDE driver conforms to the block class:",
  suite('master'),
  qemu(),
  { skip },
);
describeIsolated(
  "by the data port, on QEMU's controller, the IDE driver conforms to the block class:",
  suite('port'),
  qemu(),
  { skip, only: FEW_WORDS },
);
