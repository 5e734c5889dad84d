/** `docs/cve.md`, written from the catalogue, the table of known CVEs and the specifications themselves. */
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import type { Attack, Bug } from './bug.ts';
import { BUGS, cvesOf } from './catalogue.ts';
import { CVES } from './known.ts';
import { numbers, standingOf } from './standing.ts';

/** The whole page. @throws SpecificationError if a specification does not compile */
export async function cvePage(): Promise<string> {
  const sums = numbers();
  const parts = [
    '# Published bugs, fired and stopped',
    '<!-- Written by `UPDATE=1 npm test -- cve` from drivers/cve. Do not edit. -->',
    INTRODUCTION,
    `| | |\n|---|---|\n| fired and stopped | ${sums.firedAndStopped} bugs that kill, or make leak, the QEMU of Debian 12 |\n` +
      `| trace refused | ${sums.traceRefused} CVEs, fixed in that QEMU or without harm that shows |\n` +
      `| out of scope | ${sums.outOfScope} CVEs, not done by a driver |\n` +
      `| rule known, not written | ${sums.ruleKnownNotWritten} CVEs |`,
    `The last three, and CVE-2024-8354 among the first, are the ${sums.known} CVEs of device models that a monitor of the device\n` +
      'could have something to say about; Debian’s changelogs name 352 of QEMU in all, and most of the others never touch a\n' +
      'device. The other nine bugs that fire have no CVE.',
    '## How it is shown',
    HOW,
    '## The bugs',
    ...(await Promise.all(BUGS.map(section))),
    '## The CVEs',
    'Class A: a rule over registers alone; B: descriptors must be read, on a copy; D: the device writes into another device,\n' +
      'which no memory that is granted ever is; X: not done by a driver. `~`: the id is recalled, not checked. Rules are\n' +
      'recalled, design estimates, except where a bug above shows one at work.',
    ['| CVE | device | class | standing | |', '|---|---|---|---|---|', ...CVES.map(row)].join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

const INTRODUCTION = `Device models are written for drivers that behave. These do not, and the models die of it, taking the virtual machine along,
or give away memory of the process that they run in. A specification that is written from the data sheet knows what the part was
promised, and stops the sequence before it arrives. Nobody has to know the bug.`;

const HOW = `\`refmon cve run --all\` does all of this on the real QEMU of this machine:

- **without** the monitor, on a fresh QEMU for each attack: QEMU dies, or gives away foreign memory;
- **with** the monitor (the kernel's \`Rvm\`) between: the attack is refused by the rule that was promised, the device is reset
  by its specification's own sequence, and QEMU lives;
- **honest**: a bring-up of the part as a real driver does it, every result compared, before the attack and after it on the same
  device; nothing is refused.

The sequences are derived anew from public descriptions; no reproducer is copied. What a specification leaves out, or
forbids although the data sheet allows it, its first lines say.

\`\`\`console
$ refmon cve run imx_usb_phy-00
bug                       without           with      honest  refused by
imx_usb_phy-00            leaked …refused   ok      drivers/cve/imx-usb-phy/imx-usb-phy.dss:…
                                                              region \`phy\` has no register there

1 fired and stopped, 0 refused as traces; 38 operations of honest drivers
\`\`\``;

async function section(bug: Bug): Promise<string> {
  const { program } = await loadSpecification(inPackage(bug.specification), bug.specification);
  const clauseOf = ({ refusedBy }: Attack): string => {
    const rule = program.rules.find(({ reason }) => reason === refusedBy);
    if (rule === undefined) throw new Error(`${bug.specification} has no rule for: ${refusedBy}`);
    return rule.text;
  };
  const attacks = bug.attacks.map((attack) => {
    const cves = attack.cves === undefined ? '' : ` (${attack.cves.join(', ')})`;
    return `- ${attack.name}${cves}: refused, *${attack.refusedBy}* (\`${clauseOf(attack)}\`)`;
  });
  const harm = { crash: 'kills QEMU', leak: 'leaks memory of QEMU', silent: 'trace refused' }[bug.effect];
  return [
    `### ${bug.id}`,
    `${bug.part}; ${harm}; specification [${bug.specification}](../${bug.specification})${cvesOf(bug).length === 0 ? '' : `; ${cvesOf(bug).join(', ')}`}.`,
    bug.note.bug,
    `**Rule.** ${bug.note.rule}`,
    attacks.join('\n'),
    `**Honest driver.** ${bug.note.benign}.`,
    `Sources: ${bug.note.sources.join('; ')}.`,
  ].join('\n\n');
}

function row(cve: (typeof CVES)[number]): string {
  const standing = standingOf(cve);
  const rest = 'bug' in standing ? `by \`${standing.bug}\`` : 'because' in standing ? standing.because : standing.rule;
  return `| ${cve.checked ? '' : '~'}${cve.id} | ${cve.device} | ${cve.rules} | ${standing.status} | ${rest} |`;
}
