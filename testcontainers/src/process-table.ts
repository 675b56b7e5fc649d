/** Whether a process with this id exists (a stopped one does, one that nobody has waited for too). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, but belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
