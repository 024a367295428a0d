import { renderProfile } from '#lib/profile/render-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { EffectiveFiles } from '../../store/effective-files.ts';

/**
 * Writes a seccomp profile to a file, named by its content, and returns its absolute path. Throws
 * as EffectiveFiles.put.
 */
export function installSeccomp(seccomp: SeccompProfile, files: Pick<EffectiveFiles, 'put'>): Promise<string> {
  return files.put(renderProfile({ kind: 'Seccomp', seccomp }));
}
