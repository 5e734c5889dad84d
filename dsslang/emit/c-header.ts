/** The header of an emitted C monitor: its struct, and what it can be asked. */
import type { Program } from '../ir.ts';
import { GRANTS_MAX } from '../runtime.ts';
import type { CHandlers } from './c-handlers.ts';
import { commentText, type CNames } from './c-names.ts';
import { rulesMacro } from './c-rules.ts';

export function header(program: Program, names: CNames, handlers: CHandlers): string {
  const { prefix } = names;
  const upper = prefix.toUpperCase();
  const variables = [...names.scalars, ...names.arrays].reduce((sum, { count }) => sum + count, 0);
  const fields = [
    ...names.scalars.map(({ name, storage, title }) => `  uint${storage}_t ${name}; /* ${commentText(title)} */`),
    ...names.arrays.map(
      ({ name, storage, count, title }) => `  uint${storage}_t ${name}[${count}]; /* ${commentText(title)} */`,
    ),
    ...[...handlers.kept].map((id) => {
      const { name, storage, count } = names.array(id);
      return `  uint${storage}_t kept_${name}[${count}];`;
    }),
    ...handlers.scratchBytes.map((bytes, depth) => `  uint8_t scratch${depth}[${bytes}];`),
  ];
  const machines = program.machines.map(
    ({ name, states }, index) =>
      ` *   ${index}: ${commentText(name)}: ${states.map((state, number) => `${number} ${state}`).join(', ')}`,
  );
  const monitor = `struct ${prefix}_monitor *m`;
  const poolsText = program.pools.map(({ name, purpose }) => `${purpose} and 1 the pool ${name}, `).join('');
  const storedText = handlers.asksForStored
    ? `  /* The same, as the store that is being judged will leave the memory. */
  bool (*stored)(void *context, uint64_t address, size_t length, uint8_t *target);
`
    : '';
  return `/* Reference monitor for ${program.device}, compiled by refmon from a device safety specification. Do not edit. */
/* SHA-256 of the specification: ${program.specificationHash} */
#ifndef ${upper}_MONITOR_H
#define ${upper}_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rules are numbered from 1; variables are as in ${prefix}_monitor_snapshot. */
#define ${upper}_RULES ${program.rules.length - 1}
#define ${upper}_VARIABLES ${variables}
#define ${upper}_MACHINES ${program.machines.length}

/*
 * The descriptors that the device will read. Address and length always lie inside one live grant for commands. Copies the
 * bytes into target: the monitor checks that private copy. False if the memory cannot be read; the operation is then denied.
 */
struct ${prefix}_memory {
  bool (*fetch)(void *context, uint64_t address, size_t length, uint8_t *target);
  void *context;
${storedText}};

struct ${prefix}_grant {
  uint64_t base;
  uint64_t end;
  uint64_t purposes;
};

struct ${prefix}_bar {
  uint64_t base;
  uint64_t end;
};

/* All of a monitor. The caller owns it, and touches nothing in it. */
struct ${prefix}_monitor {
  struct ${prefix}_memory memory;
  uint64_t delivered;
  uint32_t grants;
  uint32_t last_hit;
  struct ${prefix}_grant grant[${GRANTS_MAX}];
  struct ${prefix}_bar bar[6];
${fields.join('\n')}
};

void ${prefix}_monitor_init(${monitor}, struct ${prefix}_memory memory);
/* The device has been reset: state and grants return to their beginnings. Placed BARs stay. */
void ${prefix}_monitor_reset(${monitor});

/*
 * A verdict is 0: allowed; or above 0: denied by that rule, and nothing has changed; or below 0: allowed, with a note by
 * minus that rule. Spaces 0 to 5 are BARs, 6 is PCI configuration, 7 fixed ports; widths are 1, 2, 4 or 8 bytes, and values
 * have no more; times are monotonic microseconds below 2^53.
 */
int32_t ${prefix}_monitor_read(${monitor}, uint32_t space, uint64_t offset, uint32_t width, uint64_t now);
int32_t ${prefix}_monitor_report(${monitor}, uint32_t space, uint64_t offset, uint32_t width, uint64_t value, uint64_t now);
int32_t ${prefix}_monitor_write(${monitor}, uint32_t space, uint64_t offset, uint32_t width, uint64_t value, uint64_t now);
/* The driver is about to store into memory granted for commands. */
int32_t ${prefix}_monitor_store(${monitor}, uint64_t address, uint64_t length, uint64_t now);
int32_t ${prefix}_monitor_interrupt(${monitor}, uint64_t now);
int32_t ${prefix}_monitor_check(${monitor}, uint64_t now);
int32_t ${prefix}_monitor_tick(${monitor}, uint64_t now);
/* Purposes: 1 commands, 2 the device reads, 4 the device writes, ${poolsText}or a sum of them. */
int32_t ${prefix}_monitor_grant(${monitor}, uint64_t address, uint64_t length, uint32_t purposes);
/* The platform has mapped a BAR; length 0: it is not mapped. */
int32_t ${prefix}_monitor_place(${monitor}, uint32_t bar, uint64_t address, uint64_t length);

/* What the last write or report that was allowed with a note is to deliver. */
uint64_t ${prefix}_monitor_value(const ${monitor});
/*
 * The state of each machine, into ${upper}_MACHINES places:
${machines.length === 0 ? ' *   (there is none)' : machines.join('\n')}
 */
void ${prefix}_monitor_states(const ${monitor}, uint32_t *states);
/* Every variable, into ${upper}_VARIABLES places: scalars, then the elements of each array. */
void ${prefix}_monitor_snapshot(const ${monitor}, uint64_t *variables);

#ifdef ${rulesMacro(prefix)}
/* What each rule says; ${upper}_RULES + 1 of them, the first a placeholder. */
struct ${prefix}_rule {
  const char *reason;
  const char *place;
  const char *text;
  const char *action;
};
extern const struct ${prefix}_rule ${prefix}_rules[];
#endif

#endif
`;
}
