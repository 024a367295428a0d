import { describe, it } from 'node:test';
import { assetsProblem, findPeer, installCommand, type PeerName } from './peer.ts';

/**
 * Something that a suite needs: a peer, or the rights of root (containers cannot be run without).
 */
export type Requirement = PeerName | 'root';

/**
 * A suite that talks to real peers: run when all of them are there. Otherwise it is listed as
 * skipped, with what is missing and the command that brings it; with FAIRLEAD_PEERS=required it
 * fails with the same words.
 */
export function describePeers(requirements: readonly Requirement[], title: string, suite: () => void): void {
  const missing = missingRequirements(requirements);
  if (missing === undefined) {
    describe(title, suite);
    return;
  }
  describe(title, () => {
    if (process.env['FAIRLEAD_PEERS'] === 'required') {
      it('has its peers', () => {
        throw new Error(missing);
      });
    } else it('needs its peers', { skip: missing });
  });
}

/** What is missing, as a sentence that ends with the remedy; undefined when nothing is. */
export function missingRequirements(requirements: readonly Requirement[]): string | undefined {
  const misplaced = requirements.includes('kube-apiserver') ? assetsProblem() : undefined;
  const peers = requirements
    .filter((name) => name !== 'root')
    .filter((name) => findPeer(name) === undefined && !(name === 'kube-apiserver' && misplaced !== undefined));
  const needsRoot = requirements.includes('root') && process.getuid?.() !== 0;
  const reasons = [
    ...(misplaced === undefined ? [] : [misplaced]),
    ...(peers.length > 0
      ? [`missing test peers: ${peers.join(', ')}; install them as root with: ${installCommand}`]
      : []),
    ...(needsRoot ? ['containers need root: run the tests as root'] : []),
  ];
  return reasons.length > 0 ? reasons.join('; ') : undefined;
}
