import { effectiveAppArmor } from '#lib/profile/apparmor/effective-profile';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { renderAppArmorPolicy } from '#lib/profile/apparmor/render-policy';
import { validateAppArmor } from '#lib/profile/apparmor/validate';

/** A profile of `count` paths as recordings have them: libraries, configuration, data folders, some wildcards. */
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
  const [baseline, artifact] = [recorded(200, 1), recorded(200, 0)];
  measure(report, 'intersect two profiles of 200 paths', () => effectiveAppArmor({ baseline, artifact }));
  const [large, other] = [recorded(2000, 1), recorded(2000, 0)];
  measure(report, 'intersect two profiles of 2000 paths', () =>
    effectiveAppArmor({ baseline: large, artifact: other }),
  );
  measure(report, 'validate a profile of 200 paths', () => validateAppArmor(baseline));
  measure(report, 'render a profile of 200 paths', () => renderAppArmorPolicy(baseline, { name: 'bench' }));
}
