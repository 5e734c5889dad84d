/**
 * A thread that runs one rogue program with nothing around it: no compartment, no monitor. Posts what the program sent.
 *
 * Escape programs change what the whole thread shares, so they must not run in the test's own thread.
 */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { DriverProgram } from '../../../kernel/abi.ts';
import { loadDeviceSpecification } from '../../devices.ts';
import { E1000 } from '../../e1000/entry.ts';
import { InlineDevice } from '../../inline/inline-device.ts';
import { InlineDomain } from '../../inline/inline-domain.ts';
import { unwatched } from '../../inline/testing/unwatched.ts';

const MODULES_LOAD_MS = 100;

// Indirect eval, so that code made by the program can load modules as this module can.
const evaluate = globalThis.eval as (source: string) => unknown;
const program = evaluate(readFileSync(workerData as string, 'utf8')) as DriverProgram;
const { info } = (await loadDeviceSpecification(E1000)).module;
const driver = new InlineDomain({ device: new InlineDevice(E1000.model), program, monitor: unwatched(info) });
driver.wait(20_000);
setTimeout(() => {
  driver.wait(1_000_000);
  parentPort?.postMessage(driver.messages);
}, MODULES_LOAD_MS);
