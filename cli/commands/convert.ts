import { type Command, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import { type ConvertForm, convertForms, convertProfile, publishableForm } from '#lib/profile/convert-profile';
import { isRuntimeProfile, type Profile } from '#lib/profile/profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { publicationViolations } from '#lib/profile/publication-violations';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { minimize } from '#lib/profile/seccomp/write/minimize';
import { narrowComparisons } from '#lib/profile/seccomp/write/narrow-comparisons';
import { dependsOnContainer, describeContainer } from '../options/docker-form.ts';
import { addOutputOption, addRegistryOptions, examples, type OutputOptions } from '../options/options.ts';
import { addProfileOptions } from '../options/profile-options.ts';
import { addReadingTrustOptions } from '../options/pull-policy.ts';
import { type ReadingOptions, readNotedProfiles } from '../options/read-profiles.ts';
import { exitCodes, profileErrors } from '../process/exit-codes.ts';
import { versioned, writeJson, writeNote } from '../terminal/output.ts';

interface ConvertOptions extends OutputOptions, ReadingOptions {
  readonly to: ConvertForm;
  readonly name?: string;
  readonly minimize?: boolean;
  readonly narrowComparisons?: boolean;
}

/** `fairlead convert FILE --to FORM`. */
export function define(command: Command): void {
  command
    .description(
      'Convert a profile to another form with the same meaning, or report why that form cannot express it. Profiles of Docker ' +
        'and Podman that depend on the container are resolved for --architecture, --kernel and --capabilities.',
    )
    .argument('<file>', 'profile: a file in any form, - for stdin, oci://REFERENCE')
    .addOption(new Option('--to <form>', 'form of the result').choices(convertForms).makeOptionMandatory())
    .option('--name <name>', 'name of the resource or policy (default: the name in the profile, or that of the file)')
    .option('--minimize', 'write the shortest seccomp profile with the same meaning')
    .option(
      '--narrow-comparisons',
      'in a seccomp profile, compare only the 32 bits of int arguments that the kernel reads, so that values with upper ' +
        'bits evade no condition; the result permits no more than the profile',
    );
  addProfileOptions(command);
  addReadingTrustOptions(command);
  addRegistryOptions(command, 'the result');
  addOutputOption(command)
    .addHelpText(
      'after',
      '\nForms:\n' +
        '  runtime   for container runtimes and registries: seccomp JSON of the runtime-spec, AppArmor JSON of KEP-6061\n' +
        '  spo       custom resource of the Security Profiles Operator, v1, in YAML\n' +
        '  docker    seccomp profile for docker run and podman run\n' +
        '  apparmor  policy for apparmor_parser\n' +
        '  cil       SELinux module for secilc and semodule\n' +
        examples([
          ['prepare a custom resource for a registry', 'fairlead convert nginx.yaml --to runtime > nginx.json'],
          [
            'resolve the default profile of Podman for a container without capabilities',
            'fairlead convert /usr/share/containers/seccomp.json --to runtime --capabilities none',
          ],
          [
            'fix the finding wide-comparison of lint',
            'fairlead convert old.json --to runtime --narrow-comparisons > new.json',
          ],
          ['load an AppArmor profile', 'fairlead convert nginx.yaml --to apparmor | apparmor_parser --replace'],
        ]),
    )
    .addHelpText('after', exitCodes('converted', profileErrors))
    .action(convert);
}

async function convert(file: string, options: ConvertOptions): Promise<void> {
  const [{ profile: read, source, name: ownName }] = await readNotedProfiles([file], options, { lenient: true });
  const { to: form, name = ownName } = options;
  const profile = minimized(narrowed(read, options), options);
  const content = convertProfile(profile, form, name);
  if (dependsOnContainer(read)) {
    writeNote('note', `${source}: resolved for one container: ${describeContainer(options)}`);
  }
  if (form === 'runtime') noteUnpublishable(profile);
  if (options.output === 'json') writeJson(versioned('convert', { kind: profile.kind, form, content }));
  else process.stdout.write(content);
}

function noteUnpublishable(profile: Profile): void {
  if (!isRuntimeProfile(profile)) return;
  const [first, ...others] = publicationViolations(publishableForm(profile), defaultPublicationLimits);
  if (first === undefined) return;
  const more = others.length === 0 ? '' : ` (and ${others.length} more; see fairlead lint)`;
  writeNote('note', `the result cannot be published: ${first.pointer}: ${first.message}${more}`);
}

function narrowed(profile: Profile, options: ConvertOptions): Profile {
  if (!options.narrowComparisons) return profile;
  const native = nativeArchitecture(options.architecture);
  const result = narrowComparisons(onlySeccomp(profile, '--narrow-comparisons'), native);
  const coarse = result.narrowed.filter(({ exact }) => !exact).map(({ name }) => name);
  if (coarse.length > 0) {
    writeNote('note', `stricter than necessary, because exact conditions would be too many: ${coarse.join(', ')}`);
  }
  return { ...profile, kind: 'Seccomp', seccomp: result.profile };
}

function minimized(profile: Profile, options: ConvertOptions): Profile {
  if (!options.minimize) return profile;
  const seccomp = minimize(onlySeccomp(profile, '--minimize'), nativeArchitecture(options.architecture));
  return { ...profile, kind: 'Seccomp', seccomp };
}

function onlySeccomp(profile: Profile, option: string): SeccompProfile {
  if ('seccomp' in profile) return profile.seccomp;
  throw new FairleadError('InvalidInput', `${option} is for seccomp profiles; the profile is ${profile.kind}`, {
    hint: `Leave out ${option}.`,
  });
}
