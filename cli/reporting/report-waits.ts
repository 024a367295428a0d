import { onWait } from '#lib/network/waits';
import { writeNote } from '../terminal/output.ts';

/** Prints a note for each host that is slow to answer, once while several requests wait for it. */
export function reportWaits(): void {
  const reported = new Map<string, number>();
  onWait(({ host, waited, limit }) => {
    const now = performance.now();
    if (now - (reported.get(host) ?? Number.NEGATIVE_INFINITY) < waited) return;
    reported.set(host, now);
    writeNote('note', `${host} has sent nothing for ${waited / 1000} s; the limit is ${limit / 1000} s`);
  });
}
