/** Every bug that can be run, in the order in which they are shown. */
import type { Bug } from './bug.ts';
import { AHCI_2777, AHCI_OUTSTANDING } from './ahci/bug.ts';
import { CADENCE_UART_00 } from './cadence-uart/bug.ts';
import { EHCI_01, EHCI_BUFFERS } from './ehci/bug.ts';
import { VENOM } from './fdc/bug.ts';
import { FIMD_00 } from './exynos-fimd/bug.ts';
import { IMX_USB_PHY_00 } from './imx-usb-phy/bug.ts';
import { LAN9118_01 } from './lan9118/bug.ts';
import { OMAP_DSS_00 } from './omap-dss/bug.ts';
import { SDHCI_FROZEN } from './sdhci/bug.ts';
import { ZYNQMP_CAN_00, ZYNQMP_CAN_01 } from './zynqmp-can/bug.ts';
import { ZYNQMP_QSPIPS_02 } from './zynqmp-qspi/bug.ts';

export const BUGS: readonly Bug[] = [
  EHCI_01,
  AHCI_2777,
  CADENCE_UART_00,
  FIMD_00,
  LAN9118_01,
  OMAP_DSS_00,
  ZYNQMP_CAN_00,
  ZYNQMP_CAN_01,
  ZYNQMP_QSPIPS_02,
  IMX_USB_PHY_00,
  VENOM,
  SDHCI_FROZEN,
  AHCI_OUTSTANDING,
  EHCI_BUFFERS,
];

export class UnknownBug extends Error {
  readonly code = 'CVE_UNKNOWN';
  constructor(id: string) {
    super(`there is nothing about ${id} here; \`refmon cve list\` shows what there is`);
    this.name = 'UnknownBug';
  }
}

/** Every CVE that one of its attacks stands for. */
export const cvesOf = (bug: Bug): readonly string[] => [...new Set(bug.attacks.flatMap(({ cves }) => cves ?? []))];

const sameName = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();

/** By its own name, or by a CVE that it stands for. @throws UnknownBug */
export function bugNamed(id: string): Bug {
  const bug =
    BUGS.find((each) => sameName(each.id, id)) ?? BUGS.find((each) => cvesOf(each).some((cve) => sameName(cve, id)));
  if (bug === undefined) throw new UnknownBug(id);
  return bug;
}
