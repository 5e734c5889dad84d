/**
 * Numbers on the command line: whole ones, sizes in bytes, seconds, lists. Each says what it takes when it refuses.
 *
 * For the rooms' `cli.ts` files, as parsers of commander's options: what is no number, or out of range, is a mistake in usage
 * before anything runs. What a number means is checked where it is used.
 */
import { InvalidArgumentError } from 'commander';

/** As commander wants it: from the text of an option to its value, or an `InvalidArgumentError`. */
export type Parser<Value> = (text: string) => Value;

/** A disk larger than any we know; an offset within it is exact. */
const SIZE_MAX_BYTES = 2 ** 50;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `Number('')` is 0, and `Number(' ')` too. */
function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

/** @returns a parser for a whole number from `min` to `max`, and nothing else */
export function wholeNumber(min: number, max: number): Parser<number> {
  return (text) => {
    const value = numberOf(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`give a whole number from ${min} to ${max}.`);
  };
}

/** @returns a parser for a time above 0 and up to `max`; half a second is one */
export function seconds(max: number): Parser<number> {
  return (text) => {
    const value = numberOf(text);
    if (value > 0 && value <= max) return value;
    throw new InvalidArgumentError(`give seconds, more than 0 and at most ${max}.`);
  };
}

/** `64MiB`, `512 KiB`, `1.5GiB`, `1000`: whole bytes, at least one. */
export function sizeInBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)?$/i.exec(text.trim());
  const unit = (match?.[2] ?? 'B').toLowerCase();
  const bytes = Number(match?.[1]) * 1024 ** UNITS.findIndex((name) => name.toLowerCase() === unit);
  if (Number.isInteger(bytes) && bytes >= 1 && bytes <= SIZE_MAX_BYTES) return bytes;
  throw new InvalidArgumentError('give a size such as 65536, 512KiB, 64MiB or 1GiB.');
}

/**
 * @param what what the list is, for the message: `two numbers`
 * @returns a parser for numbers from 0 up to a thousand million with commas between them, as many as `count` if it is given
 */
export function numberList(what: string, count?: number): Parser<number[]> {
  return (text) => {
    const values = text.split(',').map(numberOf);
    const isFitting = count === undefined || values.length === count;
    if (isFitting && values.every((value) => value >= 0 && value < 1e9)) return values;
    throw new InvalidArgumentError(`give ${what}, with commas and no spaces.`);
  };
}
