/*
 * The rules of drivers/e1000/e1000.dss, written by hand: what a good engineer would write who had no compiler.
 * The same rules, in the same order, as monitor-handwritten.ts; it names its reasons only by number.
 */
#include "handwritten.h"

enum {
  ALLOW, UNLISTED, READ_ONLY, WRITE_ONLY, PLATFORM, RESERVED, ENGINE_RUNS, BEYOND_RING, NOT_PROGRAMMED, BAD_DESCRIPTOR,
  OUTSIDE_GRANT, OWNED, TOO_MANY_INTERRUPTS, UNANSWERED, BAD_GRANT, BAD_RESET, BAD_BUFFER_SIZE
};
enum { IDLE, CARD_NOT_CHECKED, NOT_MINE, MINE_NOT_ACKED, MINE_ACKED };
enum { COMMANDS = 1, READS = 2, WRITES = 4 };
enum { BASE_LOW = 1, BASE_HIGH = 2, LENGTH = 4, HEAD = 8, TAIL = 16, ALL_KNOWN = 31 };

#define RING_MAX 4096
#define ADDRESS_LIMIT UINT64_C(0x10000000000000)
/* 20000 a second with a burst of 2000, in microseconds of credit. */
#define INTERRUPT_COST_US 50
#define INTERRUPT_CREDIT_US 100000

static uint32_t load32(const uint8_t *from) {
  return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint64_t load64(const uint8_t *from) {
  return load32(from) | (uint64_t)load32(from + 4) << 32;
}

/* ---- Grants ---- */

static bool covers(const struct hand_monitor *m, uint32_t i, uint32_t purposes, uint64_t base, uint64_t end) {
  return (m->grant[i].purposes & purposes) == purposes && m->grant[i].base <= base && end <= m->grant[i].end;
}

static bool inside(struct hand_monitor *m, uint32_t purposes, uint64_t base, uint64_t length) {
  if (length == 0) {
    return true;
  }
  if (base >= ADDRESS_LIMIT || length > ADDRESS_LIMIT) {
    return false;
  }
  const uint64_t end = base + length;
  if (m->last_grant < m->grants && covers(m, m->last_grant, purposes, base, end)) {
    return true;
  }
  for (uint32_t i = 0; i < m->grants; i++) {
    if (covers(m, i, purposes, base, end)) {
      m->last_grant = i;
      return true;
    }
  }
  return false;
}

int32_t hand_monitor_grant(struct hand_monitor *m, uint64_t address, uint64_t length, uint32_t purposes) {
  if (length == 0 || address >= ADDRESS_LIMIT || length > ADDRESS_LIMIT - address) {
    return BAD_GRANT;
  }
  for (uint32_t i = 0; i < m->grants; i++) {
    if (address < m->grant[i].end && m->grant[i].base < address + length) {
      return BAD_GRANT;
    }
  }
  if (m->grants >= 64) {
    return BAD_GRANT;
  }
  m->grant[m->grants].base = address;
  m->grant[m->grants].end = address + length;
  m->grant[m->grants].purposes = purposes;
  m->grants++;
  return ALLOW;
}

/* ---- Tables of BAR 0 and of configuration space ---- */

/* MTA, RAL and RAH, VFTA, IP4AT, IP6AT, FFLT, in 32-bit words. */
static bool in_register_array(uint64_t offset) {
  if (offset < 0x5200 || offset >= 0x5f20 || offset % 4 != 0) {
    return false;
  }
  if (offset < 0x5480 || (offset >= 0x5600 && offset < 0x5800)) {
    return true;
  }
  if (offset >= 0x5840 && offset < 0x5860) {
    return offset % 8 == 0;
  }
  return (offset >= 0x5880 && offset < 0x5890) || (offset >= 0x5f00 && offset % 8 == 0);
}

/* Statistics, packet buffer, wake-up packet, FIFO pointers. */
static bool in_read_only_area(uint64_t offset, uint32_t width) {
  const uint64_t end = offset + width;
  return (offset >= 0x4000 && end <= 0x4100) || (offset >= 0x10000 && end <= 0x20000) ||
         (offset >= 0x5a00 && end <= 0x5a80) || (offset >= 0x2410 && end <= 0x2430) ||
         (offset >= 0x3410 && end <= 0x3430);
}

/* FFMT and FFVT. */
static bool in_filter_area(uint64_t offset, uint32_t width) {
  const uint64_t end = offset + width;
  return (offset >= 0x9000 && end <= 0x9400) || (offset >= 0x9800 && end <= 0x9c00);
}

static int32_t write_configuration(uint64_t offset, uint32_t width, uint64_t value) {
  switch (offset) {
  case 0x04: /* COMMAND */
    return width != 2 ? UNLISTED : (value & 0xf880) != 0 ? RESERVED : ALLOW;
  case 0x06: /* PCI_STATUS */
  case 0xe0: /* PMCSR */
    return width == 2 ? ALLOW : UNLISTED;
  case 0x0c: /* CACHE_LINE */
  case 0x0d: /* LATENCY */
    return width == 1 ? ALLOW : UNLISTED;
  default:
    return PLATFORM;
  }
}

/* ---- Reading ---- */

static int32_t readable(uint64_t offset, uint32_t width) {
  if (width == 4) {
    switch (offset) {
    case 0x00c0: /* ICR */
    case 0x3810: /* TDH */
    case 0x2810: /* RDH */
    case 0x0008: /* STATUS */
    case 0x0010: /* EECD */
    case 0x0014: /* EERD */
    case 0x0020: /* MDIC */
    case 0x0000: /* CTRL */
    case 0x0004: /* CTRL_DUP */
    case 0x0018: /* CTRL_EXT */
    case 0x001c: /* FLA */
    case 0x0028: /* FCAL */
    case 0x002c: /* FCAH */
    case 0x0030: /* FCT */
    case 0x0038: /* VET */
    case 0x00c4: /* ITR */
    case 0x00d0: /* IMS */
    case 0x0100: /* RCTL */
    case 0x0170: /* FCTTV */
    case 0x0178: /* TXCW */
    case 0x0180: /* RXCW */
    case 0x0400: /* TCTL */
    case 0x0410: /* TIPG */
    case 0x0458: /* AIFS */
    case 0x0e00: /* LEDCTL */
    case 0x1000: /* PBA */
    case 0x2160: /* FCRTL */
    case 0x2168: /* FCRTH */
    case 0x2800: /* RDBAL */
    case 0x2804: /* RDBAH */
    case 0x2808: /* RDLEN */
    case 0x2818: /* RDT */
    case 0x2820: /* RDTR */
    case 0x2828: /* RXDCTL */
    case 0x282c: /* RADV */
    case 0x2c00: /* RSRPD */
    case 0x3000: /* TXDMAC */
    case 0x3800: /* TDBAL */
    case 0x3804: /* TDBAH */
    case 0x3808: /* TDLEN */
    case 0x3818: /* TDT */
    case 0x3820: /* TIDV */
    case 0x3828: /* TXDCTL */
    case 0x382c: /* TADV */
    case 0x3830: /* TSPMT */
    case 0x5000: /* RXCSUM */
    case 0x5800: /* WUC */
    case 0x5808: /* WUFC */
    case 0x5810: /* WUS */
    case 0x5820: /* MANC */
    case 0x5838: /* IPAV */
    case 0x5900: /* WUPL */
      return ALLOW;
    case 0x00c8: /* ICS */
    case 0x00d8: /* IMC */
      return WRITE_ONLY;
    default:
      if (in_register_array(offset)) {
        return ALLOW;
      }
    }
  }
  return (offset & (width - 1)) == 0 && (in_read_only_area(offset, width) || in_filter_area(offset, width)) ? ALLOW
                                                                                                            : UNLISTED;
}

int32_t hand_monitor_read(struct hand_monitor *m, uint32_t space, uint64_t offset, uint32_t width, uint64_t now) {
  (void)now;
  switch (space) {
  case 0:
    return readable(offset, width);
  case 1:
    if (width != 4) {
      return UNLISTED;
    }
    return offset == 0 ? ALLOW : offset == 4 ? readable(m->io_address, 4) : UNLISTED;
  case 6:
    return offset + width <= 256 && (offset & (width - 1)) == 0 ? ALLOW : UNLISTED;
  default:
    return UNLISTED;
  }
}

static int32_t report_head(struct hand_engine *engine, uint64_t value) {
  if (!engine->running) {
    return ALLOW;
  }
  if (value >= engine->count) {
    return BEYOND_RING;
  }
  engine->head = (uint16_t)value;
  return ALLOW;
}

int32_t hand_monitor_report(struct hand_monitor *m, uint32_t space, uint64_t offset, uint32_t width, uint64_t value, uint64_t now) {
  const int32_t verdict = hand_monitor_read(m, space, offset, width, now);
  if (verdict != ALLOW || space > 1) {
    return verdict;
  }
  if (space == 1) {
    if (offset == 0) {
      return ALLOW;
    }
    offset = m->io_address;
  }
  switch (offset) {
  case 0x00c0: /* ICR: reading tells the cause and acknowledges it */
    if (m->interrupt_state == CARD_NOT_CHECKED) {
      m->interrupt_state = value != 0 ? MINE_ACKED : NOT_MINE;
    }
    return ALLOW;
  case 0x3810: /* TDH */
    return report_head(&m->tx, value);
  case 0x2810: /* RDH */
    return report_head(&m->rx, value);
  default:
    return ALLOW;
  }
}

/* ---- Descriptors ---- */

/* Copies the descriptors from `from` up to `to` around the ring; false if they cannot be read. */
static bool copy_descriptors(struct hand_monitor *m, const struct hand_engine *ring, uint32_t from, uint32_t to) {
  if (from == to) {
    return true;
  }
  if (to > from) {
    return m->memory.fetch(m->memory.context, ring->base + from * 16, (size_t)(to - from) * 16, m->copy);
  }
  const size_t first = (size_t)(ring->count - from) * 16;
  if (!m->memory.fetch(m->memory.context, ring->base + from * 16, first, m->copy)) {
    return false;
  }
  return to == 0 || m->memory.fetch(m->memory.context, ring->base, (size_t)to * 16, m->copy + first);
}

static int32_t copy_checked(struct hand_monitor *m, const struct hand_engine *ring, uint32_t from, uint32_t to) {
  if (from >= ring->count) {
    return BEYOND_RING;
  }
  if (!inside(m, COMMANDS, ring->base, (uint64_t)ring->count * 16) || !copy_descriptors(m, ring, from, to)) {
    return OUTSIDE_GRANT;
  }
  return ALLOW;
}

static size_t published(const struct hand_engine *ring, uint32_t from, uint32_t to) {
  return to >= from ? to - from : to + ring->count - from;
}

static int32_t check_transmit(struct hand_monitor *m, uint32_t from, uint32_t to) {
  const int32_t verdict = copy_checked(m, &m->tx, from, to);
  if (verdict != ALLOW) {
    return verdict;
  }
  const uint8_t *const end = m->copy + published(&m->tx, from, to) * 16;
  for (const uint8_t *at = m->copy; at < end; at += 16) {
    const uint32_t command = load32(at + 8);
    uint32_t length = command & 0xffff; /* legacy */
    if ((command & 0x20000000) != 0) {
      const uint32_t type = (command >> 20) & 15;
      if (type > 1) {
        return BAD_DESCRIPTOR;
      }
      if (type == 0) {
        const uint32_t context = load32(at + 12);
        if ((command & 0x04000000) != 0 && (context >> 16 == 0 || (context & 0xff00) == 0)) {
          return BAD_DESCRIPTOR;
        }
        continue;
      }
      length = command & 0xfffff;
    }
    if (!inside(m, READS, load64(at), length)) {
      return OUTSIDE_GRANT;
    }
  }
  return ALLOW;
}

static int32_t check_receive(struct hand_monitor *m, uint32_t from, uint32_t to, uint32_t size) {
  const int32_t verdict = copy_checked(m, &m->rx, from, to);
  if (verdict != ALLOW) {
    return verdict;
  }
  const uint8_t *const end = m->copy + published(&m->rx, from, to) * 16;
  for (const uint8_t *at = m->copy; at < end; at += 16) {
    const uint64_t address = load64(at);
    if (address != 0 && !inside(m, WRITES, address, size)) {
      return OUTSIDE_GRANT;
    }
  }
  return ALLOW;
}

/* ---- Writing ---- */

static int32_t write_base_low(struct hand_engine *engine, uint64_t value) {
  if ((value & 15) != 0) {
    return RESERVED;
  }
  if (engine->running) {
    return ENGINE_RUNS;
  }
  engine->base = (engine->base & UINT64_C(0xffffffff00000000)) | value;
  engine->known |= BASE_LOW;
  return ALLOW;
}

static int32_t write_base_high(struct hand_engine *engine, uint64_t value) {
  if (engine->running) {
    return ENGINE_RUNS;
  }
  engine->base = (engine->base & 0xffffffff) | value << 32;
  engine->known |= BASE_HIGH;
  return ALLOW;
}

static void forget_head_if_moved(struct hand_engine *engine) {
  if (engine->moved) {
    engine->known &= (uint8_t)~HEAD;
  }
}

static int32_t write_length(struct hand_engine *engine, uint64_t value) {
  if ((value & 0xfff0007f) != 0) {
    return RESERVED;
  }
  if (engine->running) {
    return ENGINE_RUNS;
  }
  if (value > RING_MAX * 16) {
    return BEYOND_RING;
  }
  engine->count = (uint16_t)(value >> 4);
  engine->known |= LENGTH;
  forget_head_if_moved(engine);
  return ALLOW;
}

static int32_t write_head(struct hand_engine *engine, uint64_t value) {
  if (engine->running) {
    return ENGINE_RUNS;
  }
  if (value >= RING_MAX) {
    return BEYOND_RING;
  }
  engine->head = (uint16_t)value;
  engine->moved = false;
  engine->known |= HEAD;
  return ALLOW;
}

static int32_t write_idle_tail(struct hand_engine *engine, uint64_t value) {
  if (value >= RING_MAX) {
    return BEYOND_RING;
  }
  engine->tail = (uint16_t)value;
  engine->known |= TAIL;
  forget_head_if_moved(engine);
  return ALLOW;
}

static int32_t write_transmit_tail(struct hand_monitor *m, uint64_t value) {
  if (!m->tx.running) {
    return write_idle_tail(&m->tx, value);
  }
  if (value >= m->tx.count) {
    return BEYOND_RING;
  }
  const int32_t verdict = check_transmit(m, m->tx.tail, (uint32_t)value);
  if (verdict == ALLOW) {
    m->tx.tail = (uint16_t)value;
  }
  return verdict;
}

static int32_t write_receive_tail(struct hand_monitor *m, uint64_t value) {
  if (!m->rx.running) {
    return write_idle_tail(&m->rx, value);
  }
  if (value >= m->rx.count) {
    return BEYOND_RING;
  }
  const int32_t verdict = check_receive(m, m->rx.tail, (uint32_t)value, m->rx_buffer_size);
  if (verdict == ALLOW) {
    m->rx.tail = (uint16_t)value;
  }
  return verdict;
}

static int32_t ready(const struct hand_engine *engine) {
  if (engine->count == 0 || engine->known != ALL_KNOWN) {
    return NOT_PROGRAMMED;
  }
  return engine->head >= engine->count || engine->tail >= engine->count ? BEYOND_RING : ALLOW;
}

static int32_t write_transmit_control(struct hand_monitor *m, uint64_t value) {
  const bool enable = (value & 2) != 0;
  if (m->tx.running) {
    if (!enable) {
      m->tx.running = false;
    }
    return ALLOW;
  }
  if (!enable) {
    return ALLOW;
  }
  int32_t verdict = ready(&m->tx);
  if (verdict == ALLOW) {
    verdict = check_transmit(m, m->tx.head, m->tx.tail);
  }
  if (verdict == ALLOW) {
    m->tx.moved = true;
    m->tx.running = true;
  }
  return verdict;
}

static int32_t write_receive_control(struct hand_monitor *m, uint64_t value) {
  const bool enable = (value & 2) != 0;
  const uint32_t code = (uint32_t)(value >> 16) & 3;
  const bool extended = (value & 0x02000000) != 0;
  const uint32_t size = !extended ? 2048u >> code : code == 1 ? 16384 : code == 2 ? 8192 : 4096;
  if (m->rx.running) {
    if (enable && size != m->rx_buffer_size) {
      return BAD_BUFFER_SIZE;
    }
    if (!enable) {
      m->rx.running = false;
    }
  } else if (enable) {
    if (extended && code == 0) {
      return BAD_BUFFER_SIZE;
    }
    int32_t verdict = ready(&m->rx);
    if (verdict == ALLOW) {
      verdict = check_receive(m, m->rx.head, m->rx.tail, size);
    }
    if (verdict != ALLOW) {
      return verdict;
    }
    m->rx.moved = true;
    m->rx.running = true;
  }
  m->rx_buffer_size = (uint16_t)size;
  return ALLOW;
}

static int32_t write_register(struct hand_monitor *m, uint64_t offset, uint32_t width, uint64_t value) {
  const bool running = m->tx.running || m->rx.running;
  if (width == 4) {
    switch (offset) {
    case 0x3818: /* TDT */
      return write_transmit_tail(m, value);
    case 0x2818: /* RDT */
      return write_receive_tail(m, value);
    case 0x0000: /* CTRL: nothing is believed of the rings after a reset */
      if ((value & 0x04000000) == 0) {
        return ALLOW;
      }
      if (running) {
        return ENGINE_RUNS;
      }
      m->tx.known = 0;
      m->rx.known = 0;
      return ALLOW;
    case 0x0004: /* CTRL_DUP */
      return (value & 0x04000000) != 0 ? BAD_RESET : ALLOW;
    case 0x0018: /* CTRL_EXT */
      return (value & 0x2000) != 0 && running ? ENGINE_RUNS : ALLOW;
    case 0x0100: /* RCTL */
      return (value & 0xf9204001) != 0 ? RESERVED : write_receive_control(m, value);
    case 0x0400: /* TCTL */
      return (value & 0xec800005) != 0 ? RESERVED : write_transmit_control(m, value);
    case 0x2800: /* RDBAL */
      return write_base_low(&m->rx, value);
    case 0x2804: /* RDBAH */
      return write_base_high(&m->rx, value);
    case 0x2808: /* RDLEN */
      return write_length(&m->rx, value);
    case 0x2810: /* RDH */
      return write_head(&m->rx, value);
    case 0x3800: /* TDBAL */
      return write_base_low(&m->tx, value);
    case 0x3804: /* TDBAH */
      return write_base_high(&m->tx, value);
    case 0x3808: /* TDLEN */
      return write_length(&m->tx, value);
    case 0x3810: /* TDH */
      return write_head(&m->tx, value);
    case 0x0010: /* EECD */
    case 0x0014: /* EERD */
    case 0x0020: /* MDIC */
    case 0x00d0: /* IMS */
    case 0x00d8: /* IMC */
    case 0x001c: /* FLA */
    case 0x0028: /* FCAL */
    case 0x002c: /* FCAH */
    case 0x0030: /* FCT */
    case 0x0038: /* VET */
    case 0x00c0: /* ICR */
    case 0x00c4: /* ITR */
    case 0x00c8: /* ICS */
    case 0x0170: /* FCTTV */
    case 0x0178: /* TXCW */
    case 0x0410: /* TIPG */
    case 0x0458: /* AIFS */
    case 0x0e00: /* LEDCTL */
    case 0x1000: /* PBA */
    case 0x2160: /* FCRTL */
    case 0x2168: /* FCRTH */
    case 0x2820: /* RDTR */
    case 0x2828: /* RXDCTL */
    case 0x282c: /* RADV */
    case 0x2c00: /* RSRPD */
    case 0x3000: /* TXDMAC */
    case 0x3820: /* TIDV */
    case 0x3828: /* TXDCTL */
    case 0x382c: /* TADV */
    case 0x3830: /* TSPMT */
    case 0x5000: /* RXCSUM */
    case 0x5800: /* WUC */
    case 0x5808: /* WUFC */
    case 0x5810: /* WUS */
    case 0x5820: /* MANC */
    case 0x5838: /* IPAV */
    case 0x0008: /* STATUS */
      return ALLOW;
    case 0x0180: /* RXCW */
    case 0x5900: /* WUPL */
      return READ_ONLY;
    default:
      if (in_register_array(offset)) {
        return ALLOW;
      }
    }
  }
  if ((offset & (width - 1)) != 0) {
    return UNLISTED;
  }
  return in_filter_area(offset, width) ? ALLOW : in_read_only_area(offset, width) ? READ_ONLY : UNLISTED;
}

int32_t hand_monitor_write(struct hand_monitor *m, uint32_t space, uint64_t offset, uint32_t width, uint64_t value, uint64_t now) {
  (void)now;
  switch (space) {
  case 0:
    return write_register(m, offset, width, value);
  case 1:
    if (width != 4) {
      return UNLISTED;
    }
    if (offset == 0) {
      m->io_address = (uint32_t)value;
      return ALLOW;
    }
    return offset == 4 ? write_register(m, m->io_address, 4, value) : UNLISTED;
  case 6:
    return write_configuration(offset, width, value);
  default:
    return UNLISTED;
  }
}

/* ---- Stores, interrupts, reset ---- */

/* Does a store touch an entry between head and tail, which the device owns? */
static bool touches_owned(const struct hand_engine *ring, uint64_t address, uint64_t length) {
  const uint64_t end = address + length;
  if (!ring->running || length == 0 || ring->head == ring->tail || end <= ring->base ||
      address >= ring->base + (uint64_t)ring->count * 16) {
    return false;
  }
  const uint64_t first = address > ring->base ? (address - ring->base) / 16 : 0;
  uint64_t last = (end - 1 - ring->base) / 16;
  if (last >= ring->count) {
    last = ring->count - 1u;
  }
  const uint64_t owned = published(ring, ring->head, ring->tail);
  const uint64_t ahead = first >= ring->head ? first - ring->head : first + ring->count - ring->head;
  return ahead < owned || (first <= ring->head && ring->head <= last);
}

int32_t hand_monitor_store(struct hand_monitor *m, uint64_t address, uint64_t length, uint64_t now) {
  (void)now;
  return touches_owned(&m->tx, address, length) || touches_owned(&m->rx, address, length) ? OWNED : ALLOW;
}

int32_t hand_monitor_interrupt(struct hand_monitor *m, uint64_t now) {
  const uint64_t elapsed = now > m->interrupt_last ? now - m->interrupt_last : 0;
  uint64_t credit = m->interrupt_credit + elapsed;
  if (credit > INTERRUPT_CREDIT_US) {
    credit = INTERRUPT_CREDIT_US;
  }
  if (credit < INTERRUPT_COST_US) {
    return TOO_MANY_INTERRUPTS;
  }
  m->interrupt_credit = (uint32_t)(credit - INTERRUPT_COST_US);
  m->interrupt_last = now;
  m->interrupt_state = CARD_NOT_CHECKED;
  return ALLOW;
}

int32_t hand_monitor_check(struct hand_monitor *m, uint64_t now) {
  (void)now;
  if (m->interrupt_state == CARD_NOT_CHECKED) {
    return UNANSWERED;
  }
  m->interrupt_state = IDLE;
  return ALLOW;
}

void hand_monitor_reset(struct hand_monitor *m) {
  const struct hand_engine idle = {false, false, 0, 0, 0, 0, 0};
  m->tx = idle;
  m->rx = idle;
  m->rx_buffer_size = 2048;
  m->io_address = 0;
  m->interrupt_state = IDLE;
  m->interrupt_credit = INTERRUPT_CREDIT_US;
  m->interrupt_last = 0;
  m->grants = 0;
  m->last_grant = 0;
}

void hand_monitor_init(struct hand_monitor *m, struct hand_memory memory) {
  m->memory = memory;
  hand_monitor_reset(m);
}
