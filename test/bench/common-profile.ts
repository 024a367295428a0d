import { usualDefault } from '#test/support/runtime-default';

/**
 * A profile as people publish them: what runtimes permit to a container with every capability,
 * indented. 20 KiB of JSON.
 */
export function commonProfile(): string {
  const profile = usualDefault({ architecture: 'amd64', capabilities: ['CAP_ALL'] });
  const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
  return JSON.stringify(profile, plain, 8);
}
