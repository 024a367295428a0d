import { brotliDecompressSync } from 'node:zlib';
import { PagesSite } from '#test/support/pages/pages-site';
import { manyProfiles } from '#test/support/pages/profiles';

const profiles = 10_000;
const requests = 300;
/** Requests before those that are measured: the first ones are compiled. */
const warmUp = 30;
const targets = { milliseconds: 30, bytes: 60_000 };

/** The web pages of a catalog of 10,000 profiles: time of the service for each, and its size. */
export async function bench(report: (line: string) => void): Promise<void> {
  const site = await PagesSite.start(manyProfiles(profiles));
  try {
    for (const url of [
      '/',
      '/?q=nginx&kind=Seccomp&arch=arm64',
      '/?sort=updated',
      '/filters/image',
      '/images',
      '/api',
    ]) {
      const times: number[] = [];
      let bytes = 0;
      for (let n = 0; n < warmUp + requests; n++) {
        const began = performance.now();
        const { rawPayload, statusCode } = await site.app.inject({ url, headers: { 'accept-encoding': 'br' } });
        if (n >= warmUp) times.push(performance.now() - began);
        if (statusCode !== 200) throw new Error(`${url}: ${statusCode} ${brotliDecompressSync(rawPayload)}`);
        bytes = rawPayload.length;
      }
      times.sort((a, b) => a - b);
      const [median = 0, p99 = 0] = [0.5, 0.99].map((part) => times[Math.floor(part * requests)]);
      const missed = p99 >= targets.milliseconds || bytes >= targets.bytes ? ', MISSED' : '';
      report(
        `${url}: median ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${bytes} bytes (target: under ${targets.milliseconds} ms, ${targets.bytes} bytes${missed})`,
      );
    }
  } finally {
    await site.close();
  }
}
