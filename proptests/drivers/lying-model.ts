/**
 * Any device model, turned into a liar: registers that read as anything, interrupts that nobody caused, completions of work
 * that was never given. What it does by DMA stays what the model does. It lies only while it is told to.
 */
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import type { ModelDefinition } from '../../drivers/backing/model/device-model.ts';
import { Random } from '../dsslang/random.ts';

export interface Liar {
  readonly definition: ModelDefinition;
  /** Lies so far, of both kinds. */
  readonly lies: number;
  lying: boolean;
}

/** One register read in so many is not true, and as many accesses move the interrupt line. */
const ONE_IN = 6;

/** The same seed tells the same lies. */
export function liar(truthful: ModelDefinition, seed: number): Liar {
  const random = new Random(seed);
  const teller = { lying: false, lies: 0 };
  const lies = (): boolean => {
    if (!teller.lying || !random.oneIn(ONE_IN)) return false;
    teller.lies += 1;
    return true;
  };
  const definition: ModelDefinition = {
    ...truthful,
    create(host, options) {
      const model = truthful.create(host, options);
      let isLineTrue = true;
      const moveLine = (): void => {
        if (lies()) host.interrupt(random.oneIn(2) ? 1 : 0);
        else if (teller.lying || isLineTrue) return;
        else host.interrupt(model.interruptLevel());
        isLineTrue = !teller.lying;
      };
      return {
        ...model,
        read(space, offset, width) {
          const truth = model.read(space, offset, width);
          moveLine();
          if (space === CONFIG_SPACE || !lies()) return truth;
          // Wrong by one bit is the lie that is hardest to see; all ones is a device that is gone.
          const bit = (truth ^ (2 ** random.below(8 * width))) >>> 0;
          return [bit, random.u32() % 2 ** (8 * width), 2 ** (8 * width) - 1, 0][random.below(4)] ?? 0;
        },
        write(space, offset, width, value) {
          model.write(space, offset, width, value);
          moveLine();
        },
        advance() {
          model.advance();
          moveLine();
        },
      };
    },
  };
  return Object.assign(teller, { definition });
}
