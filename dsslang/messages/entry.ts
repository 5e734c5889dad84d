/** What an entry of the catalogue is, and how entries are written. */

export interface Entry<P> {
  readonly severity: 'error' | 'warning';
  readonly message: (parameters: P) => string;
  readonly help?: string;
}

export function error<P = Record<string, never>>(message: (parameters: P) => string, help?: string): Entry<P> {
  return help === undefined ? { severity: 'error', message } : { severity: 'error', message, help };
}

export function warning<P = Record<string, never>>(message: (parameters: P) => string, help?: string): Entry<P> {
  return help === undefined ? { severity: 'warning', message } : { severity: 'warning', message, help };
}

export const aOrAn = (noun: string): string => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);
