/*
 * Times the emitted C monitor of e1000 against the one written by hand, in turns, over one stream of operations.
 *
 * Standard input: number of operations (eight bytes), the four rings of ring-memory.ts (tx and rx of layout 0, of layout 1),
 * then records of 32 bytes: kind, space, width (one byte each, five unused), offset, value, time. Arguments: rounds, warm-ups.
 * Standard output: one byte a verdict for either monitor (0 allowed, 1 denied), then for each round a line with the
 * nanoseconds of both.
 */
#include "e1000_monitor.h"
#include "handwritten.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING_BYTES 4096
#define HIGH UINT64_C(0x100000000)

struct record {
  uint8_t kind, space, width, unused[5];
  uint64_t offset, value, now;
};

static uint8_t rings[4][RING_BYTES];
static const uint64_t bases[4] = {0x00100000, 0x00200000, HIGH + 0x80100000, HIGH + 0x80200000};

static bool fetch(void *context, uint64_t address, size_t length, uint8_t *target) {
  (void)context;
  for (int i = 0; i < 4; i++) {
    if (address >= bases[i] && address + length <= bases[i] + RING_BYTES) {
      memcpy(target, rings[i] + (address - bases[i]), length);
      return true;
    }
  }
  return false;
}

/* One loop for each monitor: calls are direct, as they would be in a kernel. */
#define CONTENDER(name)                                                                                      \
  static struct name##_monitor name;                                                                         \
  static void begin_##name(void) {                                                                           \
    static const uint64_t buffers[4] = {0x01000000, HIGH + 0x81000000, 0x02000000, HIGH + 0x82000000};       \
    int32_t denied = 0;                                                                                      \
    name##_monitor_reset(&name);                                                                             \
    for (int i = 0; i < 4; i++) {                                                                            \
      denied |= name##_monitor_grant(&name, bases[i], RING_BYTES, 1);                                        \
    }                                                                                                        \
    for (int i = 0; i < 4; i++) {                                                                            \
      denied |= name##_monitor_grant(&name, buffers[i], 1 << 20, i < 2 ? 2 : 4);                             \
    }                                                                                                        \
    if (denied != 0) {                                                                                       \
      exit(EXIT_FAILURE);                                                                                    \
    }                                                                                                        \
  }                                                                                                          \
  static uint64_t run_##name(const struct record *records, uint64_t count, uint8_t *verdicts) {              \
    uint64_t denied = 0;                                                                                     \
    for (uint64_t i = 0; i < count; i++) {                                                                   \
      const struct record *const r = &records[i];                                                            \
      int32_t verdict;                                                                                       \
      switch (r->kind) {                                                                                     \
      case 0:                                                                                                \
        verdict = name##_monitor_read(&name, r->space, r->offset, r->width, r->now);                         \
        break;                                                                                               \
      case 1:                                                                                                \
        verdict = name##_monitor_report(&name, r->space, r->offset, r->width, r->value, r->now);             \
        break;                                                                                               \
      case 2:                                                                                                \
        verdict = name##_monitor_write(&name, r->space, r->offset, r->width, r->value, r->now);              \
        break;                                                                                               \
      case 3:                                                                                                \
        verdict = name##_monitor_store(&name, r->value, r->offset, r->now);                                  \
        break;                                                                                               \
      case 4:                                                                                                \
        verdict = name##_monitor_interrupt(&name, r->now);                                                   \
        break;                                                                                               \
      default:                                                                                               \
        verdict = name##_monitor_check(&name, r->now);                                                       \
      }                                                                                                      \
      verdicts[i] = verdict != 0;                                                                            \
      denied += verdict != 0;                                                                                \
    }                                                                                                        \
    return denied;                                                                                           \
  }                                                                                                          \
  static double time_##name(const struct record *records, uint64_t count, uint8_t *verdicts) {               \
    struct timespec start, end;                                                                              \
    begin_##name();                                                                                          \
    clock_gettime(CLOCK_MONOTONIC, &start);                                                                  \
    run_##name(records, count, verdicts);                                                                    \
    clock_gettime(CLOCK_MONOTONIC, &end);                                                                    \
    return (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);                \
  }

CONTENDER(e1000)
CONTENDER(hand)

int main(int argc, char **argv) {
  uint64_t count;
  if (argc != 3 || fread(&count, sizeof count, 1, stdin) != 1 || fread(rings, sizeof rings, 1, stdin) != 1) {
    return EXIT_FAILURE;
  }
  struct record *const records = malloc(count * sizeof *records);
  uint8_t *const verdicts = malloc(count);
  if (records == NULL || verdicts == NULL || fread(records, sizeof *records, count, stdin) != count) {
    return EXIT_FAILURE;
  }
  const int rounds = atoi(argv[1]), warmups = atoi(argv[2]);
  e1000_monitor_init(&e1000, (struct e1000_memory){fetch, NULL});
  hand_monitor_init(&hand, (struct hand_memory){fetch, NULL});
  time_e1000(records, count, verdicts);
  fwrite(verdicts, 1, count, stdout);
  time_hand(records, count, verdicts);
  fwrite(verdicts, 1, count, stdout);
  for (int round = 0; round < rounds + warmups; round++) {
    double emitted, written;
    if (round % 2 == 0) {
      emitted = time_e1000(records, count, verdicts);
      written = time_hand(records, count, verdicts);
    } else {
      written = time_hand(records, count, verdicts);
      emitted = time_e1000(records, count, verdicts);
    }
    if (round >= warmups) {
      printf("%.0f %.0f\n", emitted, written);
    }
  }
  free(records);
  free(verdicts);
  return EXIT_SUCCESS;
}
