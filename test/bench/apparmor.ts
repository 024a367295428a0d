import { effectiveAppArmor } from '#lib/profile/apparmor/effective-profile';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { renderAppArmorPolicy } from '#lib/profile/apparmor/render-policy';
import { validateAppArmor } from '#lib/profile/apparmor/validate';

/**
 * A profile of `count` paths as recordings have them: libraries, configuration, data directories,
 * some wildcards.
 */
function recorded(count: number, variant: number): AppArmorProfile {
  const part = count / 5;
  const list = (path: (index: number) => string) => Array.from({ length: part }, (_, index) => path(index));
  return {
    mode: 'Enforce',
    executable: {
      allowedExecutables: list((index) => `/usr/bin/tool${index + variant}`),
      allowedLibraries: list((index) => `/usr/lib/@{multiarch}/lib${index}.so${variant ? '*' : '.1'}`),
    },
    filesystem: {
      readOnlyPaths: list((index) => (variant ? `/etc/app${index}/**` : `/etc/app${index}/*.conf`)),
      writeOnlyPaths: list((index) => `/var/log/app${index}/*${variant ? '.log' : ''}`),
      readWritePaths: list((index) => (variant ? `/srv/site${index}/data*/**` : `/srv/site${index}/**/*.db`)),
    },
    network: { allowRaw: false, allowTcp: true, allowUdp: false },
    capability: { allowedCapabilities: ['chown', 'setuid'] },
  };
}

function measure(report: (line: string) => void, what: string, run: () => unknown): void {
  for (let round = 0; round < 3; round++) run();
  const times = Array.from({ length: 15 }, () => {
    const started = performance.now();
    run();
    return performance.now() - started;
  }).sort((a, b) => a - b);
  report(`${what}: median ${times[7]?.toFixed(2)} ms, slowest ${times.at(-1)?.toFixed(2)} ms`);
}

/** Intersection, validation and rendering of AppArmor profiles. */
export async function bench(report: (line: string) => void): Promise<void> {
  // New ones each time, as from a registry: what is known of a profile is kept with it.
  for (const count of [200, 2000]) {
    measure(report, `intersect two profiles of ${count} paths`, () =>
      effectiveAppArmor({ baseline: recorded(count, 1), artifact: recorded(count, 0) }),
    );
  }
  const baseline = recorded(200, 1);
  measure(report, 'validate a profile of 200 paths', () => validateAppArmor(baseline));
  measure(report, 'render a profile of 200 paths', () => renderAppArmorPolicy(baseline, { name: 'bench' }));
}
