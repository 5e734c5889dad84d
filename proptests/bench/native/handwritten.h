/* The rules of drivers/e1000/e1000.dss, written by hand in C: the yardstick of the benchmark. See monitor-handwritten.ts. */
#ifndef HANDWRITTEN_H
#define HANDWRITTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hand_memory {
  bool (*fetch)(void *context, uint64_t address, size_t length, uint8_t *target);
  void *context;
};

struct hand_engine {
  bool running, moved;
  uint8_t known;
  uint16_t count, head, tail;
  uint64_t base;
};

struct hand_monitor {
  struct hand_memory memory;
  struct hand_engine tx, rx;
  uint16_t rx_buffer_size;
  uint32_t io_address;
  uint32_t interrupt_state, interrupt_credit;
  uint64_t interrupt_last;
  uint32_t grants, last_grant;
  struct {
    uint64_t base, end;
    uint32_t purposes;
  } grant[64];
  uint8_t copy[4096 * 16];
};

void hand_monitor_init(struct hand_monitor *m, struct hand_memory memory);
void hand_monitor_reset(struct hand_monitor *m);
int32_t hand_monitor_read(struct hand_monitor *m, uint32_t space, uint64_t offset, uint32_t width, uint64_t now);
int32_t hand_monitor_report(struct hand_monitor *m, uint32_t space, uint64_t offset, uint32_t width, uint64_t value, uint64_t now);
int32_t hand_monitor_write(struct hand_monitor *m, uint32_t space, uint64_t offset, uint32_t width, uint64_t value, uint64_t now);
int32_t hand_monitor_store(struct hand_monitor *m, uint64_t address, uint64_t length, uint64_t now);
int32_t hand_monitor_interrupt(struct hand_monitor *m, uint64_t now);
int32_t hand_monitor_check(struct hand_monitor *m, uint64_t now);
int32_t hand_monitor_grant(struct hand_monitor *m, uint64_t address, uint64_t length, uint32_t purposes);

#endif
