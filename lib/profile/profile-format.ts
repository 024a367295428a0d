/**
 * In which form a profile is written: as runtimes read it, as Docker and Podman do, or as the
 * Security Profiles Operator does.
 */
export type ProfileFormat = 'runtime' | 'docker' | 'spo';

export const profileFormats: readonly ProfileFormat[] = ['runtime', 'docker', 'spo'];
