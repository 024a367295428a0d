/**
 * Runs an action for each item, at most `limit` at the same time, in order. The first failure ends
 * it: no further action begins.
 */
export async function forEachOf<T>(
  items: readonly T[],
  limit: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  let failed = false;
  const work = async (): Promise<void> => {
    for (const item of waiting) {
      if (failed) return;
      await action(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
}
