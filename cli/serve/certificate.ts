import type { FastifyBaseLogger } from 'fastify';
import { FairleadError } from '#lib/errors';
import type { FollowedCertificate } from '#lib/http/followed-certificate';
import type { ServiceTls } from '#lib/http/service-server';

/** The certificate of the services, in files that may be replaced while they run. */
export interface Certificate extends Pick<FollowedCertificate, 'start' | 'reload' | 'stop'> {
  readonly tls: ServiceTls;
}

/**
 * Opens the certificate of the services; returns undefined if they have none. Throws InvalidInput
 * for files that cannot be used.
 */
export async function openCertificate(
  { tlsCert, tlsKey }: { tlsCert?: string; tlsKey?: string },
  log: FastifyBaseLogger,
): Promise<Certificate | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new FairleadError('InvalidInput', 'a certificate needs its key, and a key its certificate', {
      hint: 'Use both --tls-cert and --tls-key, or neither.',
    });
  }
  const [{ FollowedCertificate }, { TlsFiles }] = await Promise.all([
    import('#lib/http/followed-certificate'),
    import('#lib/http/tls-files'),
  ]);
  const served = await TlsFiles.open({ cert: tlsCert, key: tlsKey });
  const followed = new FollowedCertificate(served, log, {
    expired: 'clients do not accept it',
    soon: 'clients do not accept it from then on',
  });
  return {
    tls: { served, inForce: () => followed.inForce },
    start: () => followed.start(),
    reload: () => followed.reload(),
    stop: () => followed.stop(),
  };
}
