/** 4xx: allowed, but looks wrong. */
import { error, warning } from './entry.ts';

export const lints = {
  DSS401: warning(
    (p: { kind: string; name: string }) => `${p.kind} \`${p.name}\` is never used`,
    'remove it, or use it',
  ),
  DSS402: warning((p: { truth: string }) => `this condition is always ${p.truth}`, 'check the ranges of both sides'),
  DSS403: warning(
    (p: { state: string }) => `nothing leads to \`${p.state}\``,
    'remove the state, or write the transition',
  ),
  DSS405: warning(
    (p: { digits: string; value: string }) => `\`${p.digits}\` is ${p.value}: a zero in front does not make it octal`,
    'remove the zero, or write it in hexadecimal',
  ),
  DSS420: warning(
    (p: { state: string }) => `\`${p.state}\` can never be reached: only states that are never entered lead to it`,
    'write the transition that leads here',
  ),
  DSS421: warning(
    (p: { state: string; first: string }) => `from \`${p.state}\` nothing leads back to \`${p.first}\``,
    'write the transition; as it is, only a reset of the device ends this state',
  ),
  DSS422: warning(
    () => 'this holds whenever it is asked: an earlier rule has refused everything else',
    'remove it, or check what it was meant to say',
  ),
  DSS423: warning((p: { kind: string; name: string }) => `${p.kind} \`${p.name}\` is set, but nothing reads it`),
  DSS424: warning(
    (p: { name: string }) => `machine \`${p.name}\` changes, but no rule depends on its state`,
    'use it in `in`, or in a condition',
  ),
  DSS406: warning(
    (p: { name: string }) => `the template does not use its parameter \`${p.name}\``,
    'remove it, here and where the template is included',
  ),
  DSS407: warning(
    (p: { path: string }) => `nothing of \`${p.path}\` is included`,
    'remove the import, or include one of its templates',
  ),
  DSS408: warning((p: { path: string }) => `\`${p.path}\` is imported a second time`, 'remove one of the two'),
  DSS409: warning((p: { id: string }) => `\`${p.id}\` is named twice`, 'remove one of the two, or mend it'),
  DSS410: warning(
    (p: { text: string }) => `a time without a unit: ${p.text} microseconds`,
    'say in what it is measured: `10us`, `10ms`, `1s`',
  ),
  DSS412: warning(
    () => 'this reset does nothing: the device goes on with whatever its driver told it',
    'write the steps that make it harmless in any state',
  ),
  DSS404: warning(() => 'no `match`: the kernel cannot know for which device this is', 'write `match pci VVVV:DDDD`'),
  DSS425: warning(
    (p: { name: string; mode: string; which: string }) =>
      `\`${p.name}\` is \`${p.mode}\`, so its last value \`${p.which}\` is always 0`,
    'ask for what happens: `.reported` is what the device answered, `.written` what the driver wrote',
  ),
  DSS426: warning(
    (p: { bits: number }) => `this is always 0: the value has only ${p.bits} bits`,
    'check the mask, or by how much is shifted',
  ),
  DSS427: warning(() => 'no handler stands in this block', 'write what is allowed there, or remove the block'),
  DSS428: warning((p: { state: string }) => `\`${p.state}\` is named twice`, 'name another state, or remove it'),
  DSS429: warning(
    (p: { machine: string; state: string }) => `\`${p.machine}\` is in \`${p.state}\` already: this changes nothing`,
    'remove it, or name the state that was meant',
  ),
  DSS430: warning(
    (p: { name: string }) => `what \`${p.name}\` becomes here is overwritten before anything looks at it`,
    'remove one of the two, or put them in the right order',
  ),
  DSS431: warning(
    () => 'nothing behind a `deny` is ever judged',
    'a `deny` refuses in any case: remove one of the two',
  ),
  DSS432: warning(
    (p: { kind: string; name: string }) => `nothing starts ${p.kind} \`${p.name}\``,
    'a clock that does not run shows the largest time, a deadline that does not run never ends: write `start NAME`',
  ),
  DSS433: warning(
    (p: { kind: string; name: string }) => `${p.kind} \`${p.name}\` never changes`,
    'assign to it where it should change, or make it a `const`',
  ),
  DSS435: warning(
    (p: { taken: 'always' | 'never' }) => `this branch is ${p.taken} taken: what stands before has decided it`,
    'remove the test, or check what it was meant to ask',
  ),
  DSS436: warning(
    () => 'this never holds where it is asked: every operation that comes here is refused',
    'check it against the states of the `in` block and the rules before it',
  ),
  DSS438: warning(() => 'this `if` does nothing', 'write what shall happen, or remove it'),
  DSS450: warning(
    (p: { item: string }) => `the way to the next member does not depend on \`${p.item}\`: the list never gets further`,
    'read the link from the structure, such as `next t.link`',
  ),
  DSS451: warning((p: { name: string }) => `\`${p.name}\` freezes no byte: its size is always 0`, 'say how many bytes'),
  DSS452: error(
    (p: { name: string; reason: string }) =>
      `what new memory of \`${p.name}\` is filled with breaks a rule of the pool: ${p.reason}`,
    'fill it with a word that keeps them, such as the mark that ends a list: `filled 1`',
  ),
  DSS455: warning(
    (p: { item: string }) => `this walk looks at nothing of \`${p.item}\`: whatever lies there is accepted`,
    'judge its fields: addresses, lengths, flags',
  ),
  DSS453: warning(
    (p: { name: string }) => `a range of 0 bytes: \`${p.name}\` holds for every address`,
    'say how many bytes the device touches',
  ),
  DSS454: warning(
    (p: { base: number; length: number }) =>
      `an address of ${p.base} bits and a length of ${p.length}: are the arguments the wrong way round?`,
    'the address comes first: `device.reads(address, length)`',
  ),
  DSS460: warning(
    (p: { name: string }) => `no rule says anything about writing \`${p.name}\`: any value, in any state`,
    'write a rule, or leave it so if the data sheet knows no harm',
  ),
} as const;
