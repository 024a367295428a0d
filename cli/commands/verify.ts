import type { Command } from 'commander';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatReference } from '#lib/registry/reference';
import { parseRequested } from '#lib/registry/requested-reference';
import { describePulled } from '#services/pull/verified/pulled-document';
import { explainingContent } from '../explain/explain-content.ts';
import { explainPulled } from '../explain/explain-pulled.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  kindOption,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { addTrustOptions, openPullPolicy, type TrustOptions } from '../options/pull-policy.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { settleRequested } from '../options/requested.ts';
import { exitCodes, profileErrors } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

interface VerifyOptions extends OutputOptions, RegistryOptions, TrustOptions {
  readonly kind: RuntimeKind;
}

/** `fairlead verify REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Verify a profile as a node does before it applies it: rule, signatures, format, size. The output shows which rule ' +
        'allows the profile, and which signature and key meet it, or why the profile is refused.',
    )
    .argument('<reference>', 'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE')
    .addOption(kindOption());
  addTrustOptions(command);
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        [
          'check whether a node would accept a profile',
          'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --policy /etc/fairlead/policy.yaml',
        ],
        ['check for a signature with a key', 'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --key fairlead.pub'],
        [
          'check for a keyless signature by an identity',
          'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --certificate-identity me@acme.example --certificate-oidc-issuer https://accounts.google.com',
        ],
        [
          'get the result in a script',
          'fairlead verify ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml --output json | jq .verification',
        ],
      ]),
    )
    .addHelpText('after', exitCodes('verified', profileErrors))
    .action(verify);
}

async function verify(referenceText: string, options: VerifyOptions): Promise<void> {
  const requested = parseRequested(withoutScheme(referenceText));
  const [policy, { pullProfile }, { authorize }, connect] = await Promise.all([
    openPullPolicy(options, process.env),
    import('#lib/node/pull/pull-profile'),
    import('#lib/trust/policy/authorize'),
    openRegistries(options, process.env),
  ]);
  const reference = await settleRequested(requested, connect, () => authorize(policy, requested, options.kind));
  const pulling = pullProfile({ reference, kind: options.kind }, { policy, connect });
  const pulled = await explainingContent(pulling, reference, connect);
  writeResult('verify', options.output, {
    json: () => describePulled(pulled),
    text: () => explainPulled(pulled, { ruled: options.policy !== undefined }),
    quiet: () => formatReference({ ...pulled.reference, digest: pulled.descriptor.digest }),
  });
}
