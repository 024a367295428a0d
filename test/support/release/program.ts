import { bundleProgram } from '../../../tools/bundle.ts';
import { buildExecutable, executableAssets } from '../../../tools/release/executable.ts';
import type { Architecture } from '../../../tools/release/release.ts';

/** The architecture of this machine. */
export const ownArchitecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'x64';

/**
 * Builds the executable of this checkout for this machine, in the directory `work`; returns its
 * path.
 */
export async function buildProgram(work: string): Promise<string> {
  const node = process.execPath;
  const assets = await executableAssets(await bundleProgram({ distribution: 'executable' }), work, node);
  return buildExecutable(ownArchitecture, { node, assets, work });
}
