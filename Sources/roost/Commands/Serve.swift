import Core

/// Runs the daemon until it is told to stop.
///
/// - Returns: the exit code.
func serve(settings: Settings, configPath: String) -> Int32 {
    Terminal.complain("roost serve: \(configPath) is valid; this build carries no daemon\n")
    return ExitCode.failed
}
