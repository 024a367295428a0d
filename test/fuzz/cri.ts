import { tryRequest, tryStatus } from '#test/support/cri/whole-messages';
import { randomFrom } from './mutate.ts';
import { RetainedMemory } from './retained-memory.ts';

/**
 * Feeds the shim whole messages of CRI for some seconds, encoded in random ways, a third of them
 * malformed: it decides from what the runtime reads, and changes nothing but the profile.
 *
 * @param report gets lines for people: the seed, and how many inputs there were.
 * @throws AssertionError with the message that broke a promise.
 */
export async function fuzz(
  seconds: number,
  report: (line: string) => void = () => {},
  seed = Date.now() % 2 ** 32,
): Promise<void> {
  const random = randomFrom(seed);
  const outcomes = { refused: 0, unchanged: 0, changed: 0 };
  const memory = new RetainedMemory(seconds);
  const end = performance.now() + seconds * 1_000;
  let inputs = 0;
  for (; performance.now() < end; inputs += 1) {
    memory.beforeInput();
    if (random(10) === 0) tryStatus(random);
    else await tryRequest(random, random(3) === 0, outcomes);
  }
  const { refused, changed } = outcomes;
  const stayed = memory.check(seed).toFixed(1);
  report(`cri: seed ${seed}, ${inputs} inputs, ${refused} refused, ${changed} changed, ${stayed} MiB stayed`);
}
