import { X509Certificate } from 'node:crypto';
import { readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { requireFile } from '#lib/files/require-file';
import { requireTrustedPath } from '#lib/files/trusted-path';
import { loadPolicy } from '#lib/trust/policy/load-policy';
import { shadowsOf } from '#lib/trust/policy/never-asked';
import { checked, type NodeCheck, type NodeParts } from './check.ts';

/** Bytes that must be free, and that should be. */
const leastFree = 16 * 1024 * 1024;
const goodFree = 256 * 1024 * 1024;
/** The certificate by which the kubelet calls the API server. */
const kubeletCertificate = 'var/lib/kubelet/pki/kubelet-client-current.pem';

/** Checks that the policy and its files can be read, who can change them, and its rules. */
export function checkPolicy({ policy: file }: NodeParts): Promise<NodeCheck> {
  return checked('policy', async () => {
    const { missing, rules, revision } = await loadPolicy(file, {
      checkPath: async (path) => {
        await requireTrustedPath(path);
        await requireFile(path);
      },
    });
    if (missing) {
      const hint =
        'Create it. An example is /usr/share/doc/fairlead/examples/policy.yaml in packages, below /usr/local in the archive, and deploy/shim/policy.yaml in a checkout.';
      return { result: 'failed', seen: `${file} does not exist`, hint };
    }
    if (rules.length === 0) {
      return { result: 'warning', seen: `${file} has no rule, and allows nothing`, hint: 'Add a rule.' };
    }
    const shadows = shadowsOf(rules);
    const neverAsked = rules.filter((_, index) => typeof shadows[index] === 'object');
    if (neverAsked.length > 0) {
      const named = neverAsked.map(({ match, position = '' }) => `${match} (${position})`).join(', ');
      return {
        ...{ result: 'warning', seen: `earlier rules cover ${named}, which are never asked` },
        hint: 'Move these rules up, or remove them: the first rule that matches decides.',
      };
    }
    return { result: 'ok', seen: `${file}: ${rules.length === 1 ? '1 rule' : `${rules.length} rules`}, ${revision}` };
  });
}

/** Checks the state directory: who can change it, and the space on its disk. */
export function checkState({ state }: NodeParts): Promise<NodeCheck> {
  return checked('state', async () => {
    const found = await stat(state).catch(() => undefined);
    if (found === undefined) {
      return { result: 'warning', seen: `${state} does not exist`, hint: 'The shim makes it when it starts.' };
    }
    await requireTrustedPath(state);
    const mode = found.mode & 0o777;
    const { bavail, bsize } = await statfs(state);
    const free = bavail * bsize;
    const seen = `${state}: mode ${mode.toString(8).padStart(4, '0')}, ${Math.floor(free / 1024 / 1024)} MiB free`;
    if (free < leastFree)
      return { result: 'failed', seen, hint: 'Free space: fairlead node gc removes what is unused.' };
    if (free < goodFree)
      return { result: 'warning', seen, hint: 'Free space: fairlead node gc removes what is unused.' };
    if ((mode & 0o077) !== 0) return { result: 'warning', seen, hint: `Close it for other users: chmod 0700 ${state}` };
    return { result: 'ok', seen };
  });
}

/** Checks the clock against the certificate of the kubelet: signatures and logs depend on it. */
export function checkClock({ root }: NodeParts, now = new Date()): Promise<NodeCheck> {
  return checked('clock', async () => {
    const pem = await readFile(join(root, kubeletCertificate)).catch(() => undefined);
    if (pem === undefined) {
      return { result: 'ok', seen: `${now.toISOString()}; without a certificate of the kubelet to compare with` };
    }
    const { validFromDate, validToDate } = new X509Certificate(pem);
    const seen = `${now.toISOString()}; the certificate of the kubelet is valid from ${validFromDate.toISOString()} to ${validToDate.toISOString()}`;
    if (now >= validFromDate && now <= validToDate) return { result: 'ok', seen };
    return { result: 'failed', seen, hint: 'Set the clock, and keep it by NTP; or renew the certificate.' };
  });
}
