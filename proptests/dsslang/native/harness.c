/*
 * Drives an emitted C monitor with recorded operations: records of 32 bytes on standard input, outcomes on standard output.
 *
 * Compiled with -DPREFIX=name -DHEADER="name_monitor.h" -DVARIABLES=n -DMACHINES=n -DSALT=n, and -DSTORED if the
 * monitor asks for memory as a store will leave it. A record is kind, space, width
 * (one byte each, five unused), offset, value, time (eight bytes each, little-endian), as in dsslang/batch.ts; kind 10 sets
 * the epoch of descriptor memory, kind 11 adds a target to it, kind 12 puts the word `now` at the address `value`, and kind 13
 * the word that a store leaves there. An outcome is the verdict, whether the state changed (four
 * bytes each), the delivered value (eight), and, if it changed, all variables and the state of every machine.
 * Descriptor memory is that of memory.ts: words that were put, or else a function of address, salt and epoch.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include HEADER

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define CALL(name) JOIN(PREFIX, _monitor_##name)
#define TARGETS_MAX 64

static uint32_t epoch;
static uint64_t targets[TARGETS_MAX];
static uint32_t target_count = 1;

/* Words put into memory, as they are (1) and as a store leaves them (2): open addressing, by twice the number of the word
 * and that. Once there are any, every page can be read. */
#define PUT_MAX (1u << 20)
static uint64_t put_key[PUT_MAX], put_word[PUT_MAX];
static uint32_t put_count;

static uint64_t *put_at(uint64_t key) {
  uint64_t at = key * UINT64_C(0x9e3779b97f4a7c15) >> 44;
  while (put_key[at] != 0 && put_key[at] != key) {
    at = (at + 1) % PUT_MAX;
  }
  return &put_key[at];
}

static bool put(uint64_t key, uint64_t to) {
  uint64_t *const place = put_at(key);
  put_count += *place == 0;
  *place = key;
  put_word[place - put_key] = to;
  return put_count < PUT_MAX;
}

static uint32_t hash(uint32_t a, uint32_t b) {
  uint32_t x = ((a ^ (uint32_t)SALT) * 0x85ebca6bu) ^ ((b + epoch) * 0xc2b2ae35u);
  x ^= x >> 15;
  x *= 0x2c1b3c6du;
  x ^= x >> 13;
  return x;
}

static uint64_t word(uint64_t address, uint64_t kind) {
  const uint64_t index = address / 8;
  if (put_count > 0) {
    const uint64_t *const key = put_at(2 * index + kind);
    if (*key != 0) {
      return put_word[key - put_key];
    }
  }
  const uint32_t h = hash((uint32_t)index, (uint32_t)(index >> 32));
  switch (h & 7) {
  case 0:
    return 0;
  case 1:
    return hash(h, 1) | (uint64_t)hash(h, 2) << 32;
  case 2:
    return (h >> 8) & 0xff;
  case 3:
    return ((h >> 8) & 0x3fff) | (uint64_t)((h >> 5) & 0xffff) << 32;
  default:
    return targets[(h >> 4) % target_count] + ((h >> 20) & 0xff);
  }
}

static bool copy(uint64_t address, size_t length, uint8_t *target, uint64_t kind) {
  for (uint64_t page = address / 4096; page * 4096 < address + length; page++) {
    if (put_count == 0 && hash((uint32_t)page, 77) % 64 == 0) {
      return false;
    }
  }
  for (size_t i = 0; i < length; i++) {
    const uint64_t place = address + i;
    target[i] = (uint8_t)(word(place - place % 8, kind) >> (8 * (place % 8)));
  }
  return true;
}

static bool fetch(void *context, uint64_t address, size_t length, uint8_t *target) {
  (void)context;
  return copy(address, length, target, 1);
}

#ifdef STORED
static bool stored(void *context, uint64_t address, size_t length, uint8_t *target) {
  (void)context;
  epoch++;
  const bool copied = copy(address, length, target, 2);
  epoch--;
  return copied;
}
#endif

static uint64_t number(const uint8_t *from) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; i--) {
    value = value << 8 | from[i];
  }
  return value;
}

int main(void) {
  static struct JOIN(PREFIX, _monitor) monitor;
  static uint64_t before[VARIABLES + 1], after[VARIABLES + 1];
  static uint32_t states[MACHINES + 1];
#ifdef STORED
  const struct JOIN(PREFIX, _memory) memory = {fetch, NULL, stored};
#else
  const struct JOIN(PREFIX, _memory) memory = {fetch, NULL};
#endif
  uint8_t record[32];
  CALL(init)(&monitor, memory);
  CALL(snapshot)(&monitor, before);
  while (fread(record, sizeof record, 1, stdin) == 1) {
    const uint32_t space = record[1], width = record[2];
    const uint64_t offset = number(record + 8), value = number(record + 16), now = number(record + 24);
    int32_t verdict = 0;
    uint64_t delivered = 0;
    switch (record[0]) {
    case 0:
      verdict = CALL(read)(&monitor, space, offset, width, now);
      break;
    case 1:
      verdict = CALL(report)(&monitor, space, offset, width, value, now);
      break;
    case 2:
      verdict = CALL(write)(&monitor, space, offset, width, value, now);
      break;
    case 3:
      verdict = CALL(store)(&monitor, value, offset, now);
      break;
    case 4:
      verdict = CALL(interrupt)(&monitor, now);
      break;
    case 5:
      verdict = CALL(check)(&monitor, now);
      break;
    case 6:
      verdict = CALL(tick)(&monitor, now);
      break;
    case 7:
      verdict = CALL(grant)(&monitor, value, now, width);
      break;
    case 8:
      verdict = CALL(place)(&monitor, space, value, now);
      break;
    case 9:
      CALL(reset)(&monitor);
      break;
    case 10:
      epoch = (uint32_t)value;
      continue;
    case 11:
      if (offset != 0) {
        target_count = 0;
      }
      targets[target_count++ % TARGETS_MAX] = value;
      continue;
    case 12:
    case 13:
      if (!put(2 * (value / 8) + (record[0] - 11u), now)) {
        return EXIT_FAILURE;
      }
      continue;
    default:
      return EXIT_FAILURE;
    }
    if (verdict < 0 && (record[0] == 1 || record[0] == 2)) {
      delivered = CALL(value)(&monitor);
    }
    CALL(snapshot)(&monitor, after);
    const uint32_t changed = memcmp(before, after, sizeof before) != 0;
    fwrite(&verdict, sizeof verdict, 1, stdout);
    fwrite(&changed, sizeof changed, 1, stdout);
    fwrite(&delivered, sizeof delivered, 1, stdout);
    if (changed) {
      CALL(states)(&monitor, states);
      fwrite(after, sizeof after[0], VARIABLES, stdout);
      fwrite(states, sizeof states[0], MACHINES, stdout);
      memcpy(before, after, sizeof before);
    }
  }
  return EXIT_SUCCESS;
}
