import type { Encoding } from './encode.ts';
import type { Decision, Meaning } from './meaning.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOf, sameOutcome, stricter, strictness } from './outcome.ts';

/** Architectures on which libseccomp knows one syscall that stands for many. */
const multiplexing: ReadonlySet<string> = new Set(
  ['X86', 'S390', 'S390X', 'PPC', 'PPC64', 'PPC64LE', 'M68K', 'SH', 'SHEB'].map((name) => `SCMP_ARCH_${name}`),
);

/** Each such syscall with those that it stands for: the first argument says which (socketcall(2), ipc(2)). */
const multiplexers: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'socketcall',
    [
      ...['socket', 'bind', 'connect', 'listen', 'accept', 'getsockname', 'getpeername', 'socketpair', 'send', 'recv'],
      ...['sendto', 'recvfrom', 'shutdown', 'setsockopt', 'getsockopt', 'sendmsg', 'recvmsg', 'accept4', 'recvmmsg'],
      ...['sendmmsg'],
    ],
  ],
  [
    'ipc',
    [
      ...['semop', 'semget', 'semctl', 'semtimedop', 'msgsnd', 'msgrcv', 'msgget', 'msgctl'],
      ...['shmat', 'shmdt', 'shmget', 'shmctl'],
    ],
  ],
]);

/**
 * The rules for socketcall and ipc that keep an intersection from being looser than its inputs through them.
 *
 * libseccomp makes of a rule for `socket` one for `socketcall(1, …)` too, without conditions on the first argument,
 * unless the profile has an unconditional rule for socketcall itself, which then decides alone. So what is denied by
 * one input as `socket` and allowed by another as `socketcall` would be allowed by rules taken name by name. Where that
 * is so the multiplexer gets one rule for all that it stands for. It also does where it had conditions of its own:
 * libseccomp refuses those beside rules for its members.
 *
 * @param encodings the intersection's rules by name.
 * @returns replacements by name.
 */
export function holdMultiplexers(
  architectures: readonly string[],
  meanings: readonly Meaning[],
  encodings: ReadonlyMap<string, Encoding>,
  byDefault: Outcome,
): ReadonlyMap<string, Encoding> {
  const replacements = new Map<string, Encoding>();
  if (!architectures.some((name) => multiplexing.has(name))) return replacements;
  for (const [name, members] of multiplexers) {
    const own = encodings.get(name)?.rules ?? [];
    const needed = members.map((member) =>
      meanings.map((meaning) => strictestThrough(meaning, name, member)).reduce(stricter),
    );
    const conditional = own.some(({ args }) => args.length > 0);
    const [only] = own;
    const isLooser = members.some((member, index) => {
      const reached = only?.outcome ?? laxestOf(encodings.get(member), byDefault);
      return strictness(reached) < strictness(needed[index] ?? byDefault);
    });
    if (!conditional && !isLooser) continue;
    const all = own.reduce((worst, { outcome }) => stricter(worst, outcome), needed.reduce(stricter));
    const outcome = conditional ? stricter(all, byDefault) : all;
    const explicit = distinguishable(outcome, byDefault);
    if (explicit !== undefined) replacements.set(name, { rules: [{ args: [], outcome: explicit }], exact: false });
    // Under a default of KILL_PROCESS nothing else is as strict: without rules of their own all fall to it.
    else for (const denied of [name, ...members]) replacements.set(denied, { rules: [], exact: false });
  }
  return replacements;
}

/** The strictest outcome that a call of `member` through the multiplexer may have under an input. */
function strictestThrough(meaning: Meaning, multiplexer: string, member: string): Outcome {
  const own = meaning.decisions.get(multiplexer);
  if (own !== undefined && own.regions.length === 0) return own.otherwise;
  const decisions = [own, meaning.decisions.get(member)].filter((decision) => decision !== undefined);
  if (decisions.length === 0) return meaning.otherwise.otherwise;
  return decisions.flatMap(outcomesWithoutFirst).reduce(stricter);
}

/** The outcomes of a decision where conditions on the first argument count as met. */
function outcomesWithoutFirst({ regions, otherwise }: Decision): readonly Outcome[] {
  if (regions.length === 0) return [otherwise];
  const outcomes = regions.map(({ outcome }) => outcome);
  return regions.every(({ box }) => box.some(({ index }) => index !== 0)) ? [...outcomes, otherwise] : outcomes;
}

/** The laxest outcome that a member's rules may have through the multiplexer. */
function laxestOf(encoding: Encoding | undefined, byDefault: Outcome): Outcome {
  const rules = encoding?.rules ?? [];
  const always = rules.some(({ args }) => args.every(({ index }) => index === 0));
  const outcomes = [...(always ? [] : [byDefault]), ...rules.map(({ outcome }) => outcome)];
  return outcomes.reduce((laxest, outcome) => (strictness(outcome) < strictness(laxest) ? outcome : laxest));
}

/** An outcome at least as strict that is not the default, since runtimes add no rules that say the default. */
function distinguishable(outcome: Outcome, byDefault: Outcome): Outcome | undefined {
  if (!sameOutcome(outcome, byDefault)) return outcome;
  const enosys = 38;
  if (outcome.action === 'SCMP_ACT_ERRNO') return outcomeOf('SCMP_ACT_ERRNO', outcome.errno === enosys ? 1 : enosys);
  return outcome.action === 'SCMP_ACT_KILL_PROCESS' ? undefined : outcomeOf('SCMP_ACT_KILL_PROCESS', undefined);
}
