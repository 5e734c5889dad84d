/*
 * A host for an emitted monitor: the doorbell device of example 1, in C.
 *
 * Reads records of 32 bytes from standard input: kind, space, width (one byte each, five unused), then offset, value and time
 * (eight bytes each, little-endian). Prints each verdict in words. Kinds: 'r' read, 'p' report, 'w' write, 'g' grant (address
 * in offset, length in value, purposes in width), 'm' eight bytes of memory (address in offset, bytes in value).
 */
#include "doorbell_monitor.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The memory that the driver shares with the device: 128 KiB from 1 MiB. */
#define MEMORY_BASE UINT64_C(0x100000)
static uint8_t memory[0x20000];

static bool in_memory(uint64_t address, uint64_t length) {
  return address >= MEMORY_BASE && length <= sizeof memory && address - MEMORY_BASE <= sizeof memory - length;
}

/* What the monitor copies descriptors with. It checks its copy, so the device must be given that copy, or the driver stopped. */
static bool fetch(void *context, uint64_t address, size_t length, uint8_t *target) {
  (void)context;
  if (!in_memory(address, length)) {
    return false;
  }
  memcpy(target, memory + (address - MEMORY_BASE), length);
  return true;
}

static uint64_t number(const uint8_t *from) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; i--) {
    value = value << 8 | from[i];
  }
  return value;
}

int main(void) {
  static struct doorbell_monitor monitor;
  const struct doorbell_memory backing = {fetch, NULL};
  uint8_t record[32];
  int denied = 0;
  doorbell_monitor_init(&monitor, backing);
  while (fread(record, sizeof record, 1, stdin) == 1) {
    const uint32_t space = record[1], width = record[2];
    const uint64_t offset = number(record + 8), value = number(record + 16), now = number(record + 24);
    int32_t verdict = 0;
    switch (record[0]) {
    case 'r':
      verdict = doorbell_monitor_read(&monitor, space, offset, width, now);
      break;
    case 'p':
      verdict = doorbell_monitor_report(&monitor, space, offset, width, value, now);
      break;
    case 'w':
      verdict = doorbell_monitor_write(&monitor, space, offset, width, value, now);
      break;
    case 'g':
      verdict = doorbell_monitor_grant(&monitor, offset, value, width);
      break;
    case 'm':
      if (in_memory(offset, 8)) {
        memcpy(memory + (offset - MEMORY_BASE), record + 16, 8);
      }
      continue;
    default:
      fprintf(stderr, "no such kind of record: %d\n", record[0]);
      return 2;
    }
    printf("%c 0x%" PRIx64 " = 0x%" PRIx64 ": ", record[0], offset, value);
    if (verdict > 0) {
      denied++;
      printf("denied, %s (%s)\n", doorbell_rules[verdict].reason, doorbell_rules[verdict].place);
    } else {
      printf("allowed\n");
    }
  }
  return denied > 0 ? 3 : 0;
}
