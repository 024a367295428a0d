import { RE2JS } from 're2js';
import { quote } from '#lib/text/quote';
import { plainText } from './plain-text.ts';
import type { Violation } from './verdict.ts';

/** Longer patterns, and more repetitions in one, are no patterns of identities, and take memory. */
const limits = { characters: 1024, repetitions: 100 };

/**
 * Returns why a text cannot be a pattern of identities; undefined if it can. As with the Security
 * Profiles Operator, patterns have the syntax of RE2, in which no pattern takes longer than the
 * text that it is compared with: lookaheads and backreferences are not part of it.
 */
export function patternFault(pattern: string): Pick<Violation, 'problem' | 'fix'> | undefined {
  const shown = quote(pattern, 64);
  if (pattern.length > limits.characters) {
    const problem = `has ${pattern.length} characters, more than ${limits.characters}`;
    return { problem, fix: 'Use a shorter pattern.' };
  }
  const [most] = Array.from(pattern.matchAll(/\{([0-9]+)(?:,([0-9]*))?\}/g), ([, least, greatest]) =>
    Math.max(Number(least), Number(greatest ?? 0)),
  ).sort((a, b) => b - a);
  if (most !== undefined && most > limits.repetitions) {
    const problem = `${shown} repeats a part ${most} times, more than ${limits.repetitions}`;
    return { problem, fix: 'Use + or *, or fewer repetitions.' };
  }
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.replace(/^error parsing regexp: /, '') : String(thrown);
    const fix = 'Write a regular expression of RE2 (https://github.com/google/re2/wiki/Syntax).';
    return { problem: `${shown} is not a regular expression: ${plainText(reason)}`, fix };
  }
}
