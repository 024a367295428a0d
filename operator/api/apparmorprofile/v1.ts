import * as v from 'valibot';
import { setOf } from '../shared/kubernetes.ts';
import { profileStatusEntries, profileSwitch } from '../shared/profile.ts';

/** Whether the kernel refuses what a profile does not allow, or only logs it. */
export const apparmorModeSchema = v.pipe(
  v.picklist(['Enforce', 'Complain']),
  v.description('Whether the kernel refuses what the profile does not allow, or only logs it (Complain).'),
);

const texts = (description: string) => v.optional(v.pipe(setOf(v.string()), v.description(description)));
const flag = (description: string) => v.optional(v.pipe(v.boolean(), v.description(description)));

const abstractSchema = v.object({
  executable: v.optional(
    v.pipe(
      v.object({
        allowedExecutables: texts('Paths of programs that may be executed, under the same profile.'),
        allowedLibraries: texts('Paths of libraries that may be loaded.'),
      }),
      v.description('What may be executed.'),
    ),
  ),
  filesystem: v.optional(
    v.pipe(
      v.object({
        readOnlyPaths: texts('Paths that may be read, and not written.'),
        writeOnlyPaths: texts('Paths that may be written, and not read.'),
        readWritePaths: texts('Paths that may be read and written.'),
      }),
      v.description('Which files may be used. Paths may have the wildcards of AppArmor.'),
    ),
  ),
  network: v.optional(
    v.pipe(
      v.object({
        allowRaw: flag('Whether raw sockets may be used.'),
        allowedProtocols: v.optional(
          v.pipe(
            v.object({
              allowTcp: flag('Whether TCP may be used.'),
              allowUdp: flag('Whether UDP may be used.'),
            }),
            v.description('Which protocols may be used.'),
          ),
        ),
      }),
      v.description('How the network may be used.'),
    ),
  ),
  capability: v.optional(
    v.pipe(
      v.object({
        allowedCapabilities: texts('Capabilities, in lower case and without CAP_: net_bind_service.'),
      }),
      v.description('Which capabilities may be used.'),
    ),
  ),
});

/** The fields of the specification that all versions have. */
export const apparmorProfileEntries = {
  abstract: v.optional(
    v.pipe(
      abstractSchema,
      v.description('What a container may do. All else is refused; a section that is absent allows nothing.'),
    ),
  ),
};

/** The status, in all versions. */
export const apparmorProfileStatusSchema = v.object(profileStatusEntries);

/** AppArmorProfile v1. */
export const apparmorProfileSchema = v.object({
  spec: v.optional(
    v.pipe(
      v.object({
        state: v.optional(profileSwitch, 'Enabled'),
        mode: v.optional(apparmorModeSchema, 'Enforce'),
        ...apparmorProfileEntries,
      }),
      v.description('The profile.'),
    ),
  ),
  status: v.optional(v.pipe(apparmorProfileStatusSchema, v.description('What the operator reports of the profile.'))),
});

/** AppArmorProfile v1. */
export type AppArmorProfile = v.InferOutput<typeof apparmorProfileSchema>;
