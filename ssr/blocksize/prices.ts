/**
 * What hashing by one engine costs here and now, as the cost model wants it: measured in passes, priced from some of them.
 *
 * `fastest` chooses between two engines by its own constants (`hash/fastest.ts`); its price follows that choice, be it the best
 * on this machine or not, for what is predicted is what will run.
 */
import type { HashEngine, SerialEngineName } from '../hash-engine.ts';
import { kernelPays } from '../hash/fastest.ts';
import { openEngine } from '../hash/open.ts';
import { createWasmEngine } from '../hash/wasm.ts';
import type { BookkeepingPass } from './bookkeeping.ts';
import { BookkeepingCalibrator } from './bookkeeping.ts';
import type { Calibration, CalibrationPass } from './calibrate.ts';
import { calibratedHashCost, Calibrator } from './calibrate.ts';
import type { BookkeepingCost, HashCost } from './cost.ts';

export interface Prices {
  readonly hash: HashCost;
  readonly bookkeeping: BookkeepingCost;
  readonly calibrations: readonly Calibration[];
}

export interface PricePass {
  readonly engines: readonly CalibrationPass[];
  readonly bookkeeping: BookkeepingPass;
}

/** Until V8 has compiled what a pass runs. */
const WARM_UP_PASSES = 3;

/** One engine's prices, for as long as somebody wants to know them anew. */
export class PriceMeter {
  readonly engine: SerialEngineName;
  readonly #calibrators: readonly Calibrator[];
  readonly #bookkeeping = new BookkeepingCalibrator();

  /** @throws Error with code `ENV_WASM_SIMD_MISSING` if `wasm` is asked for where there is none */
  constructor(name: SerialEngineName) {
    this.engine = name;
    this.#calibrators = calibratorsOf(name);
    this.passes(WARM_UP_PASSES);
  }

  /** About ten milliseconds for the slowest of the choices. */
  pass(): PricePass {
    return { engines: this.#calibrators.map((calibrator) => calibrator.pass()), bookkeeping: this.#bookkeeping.pass() };
  }

  passes(count: number): PricePass[] {
    return Array.from({ length: count }, () => this.pass());
  }

  prices(passes: readonly PricePass[]): Prices {
    const calibrations = this.#calibrators.map((calibrator, k) =>
      calibrator.calibration(passes.flatMap(({ engines }) => engines[k] ?? [])),
    );
    const bookkeeping = this.#bookkeeping.cost(passes.map((pass) => pass.bookkeeping));
    return { hash: hashCostOf(this.engine, calibrations), bookkeeping, calibrations };
  }
}

/** An engine has two prices, and who chooses between two engines has four. */
function calibratorsOf(name: SerialEngineName): readonly Calibrator[] {
  const both = (engine: HashEngine): Calibrator[] => [
    new Calibrator(engine, 'leaves'),
    new Calibrator(engine, 'nodes'),
  ];
  if (name !== 'fastest') return both(openEngine(name));
  const kernel = createWasmEngine();
  return [...both(openEngine('node')), ...(kernel === undefined ? [] : both(kernel))];
}

function hashCostOf(name: SerialEngineName, calibrations: readonly Calibration[]): HashCost {
  const [leaves, nodes, kernelLeaves, kernelNodes] = calibrations;
  if (leaves === undefined || nodes === undefined) throw new RangeError(`nothing was calibrated for ${name}`);
  const cost = calibratedHashCost(leaves, nodes);
  if (kernelLeaves === undefined || kernelNodes === undefined) return cost;
  return chosenHashCost(cost, calibratedHashCost(kernelLeaves, kernelNodes));
}

/** As `fastest` chooses: by the number of messages and their size. */
function chosenHashCost(node: HashCost, kernel: HashCost): HashCost {
  const choose = (messages: number, bodySizeBytes: number, isInPlace: boolean): HashCost => {
    const count = Math.round(messages);
    return count > 1 && kernelPays(count, bodySizeBytes, isInPlace) ? kernel : node;
  };
  return {
    name: 'fastest',
    digestSizeBytes: node.digestSizeBytes,
    wholeRegionPerByteUs: Math.min(node.wholeRegionPerByteUs, kernel.wholeRegionPerByteUs),
    levelUs: (messages, bodySizeBytes, levelSizeBytes) =>
      choose(messages, bodySizeBytes, false).levelUs(messages, bodySizeBytes, levelSizeBytes),
    nodeLevelUs(messages, bodySizeBytes, levelSizeBytes) {
      const chosen = choose(messages, bodySizeBytes, true);
      return (chosen.nodeLevelUs ?? chosen.levelUs)(messages, bodySizeBytes, levelSizeBytes);
    },
  };
}
