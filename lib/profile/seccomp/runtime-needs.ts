/**
 * What a container runtime itself calls between loading the filter and starting the program, for every container;
 * in each line one is enough (old and new forms, and forms of other architectures).
 */
export const runtimeNeeds: readonly (readonly string[])[] = [['execve', 'execveat']];
