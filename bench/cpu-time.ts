/**
 * Seconds that this thread has computed. What is measured here never waits, so on an idle machine that is the time it takes; on a
 * busy one the others' work is left out, and so is what the collector does beside the thread.
 */
export function cpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}
