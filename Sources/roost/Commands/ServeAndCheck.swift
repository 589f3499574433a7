import Core

let serveCommand = Command(
    name: "serve", summary: "Runs the daemon.",
    options: [Option("--config", "FILE", "Configuration (JSON5); without it every default holds.")],
    notes: """
        Prints one line of JSON when it is ready, {"ready":{"ingest":"127.0.0.1:7001",…}}, and runs until
        SIGTERM or SIGINT. SIGHUP reloads what can change live.
        """
) { arguments in
    let path = arguments.text("--config")
    guard let settings = loadOrComplain(path, command: "serve") else { return ExitCode.failed }
    return serve(settings: settings, configPath: path ?? "")
}

let checkCommand = Command(
    name: "check", summary: "Says everything that is wrong with a configuration.",
    options: [
        Option("--config", "FILE", "Configuration (JSON5)."),
        Option(switch: "--defaults", "Prints the shipped configuration, every key explained, instead."),
    ]
) { arguments in
    if arguments.has("--defaults") {
        try File(borrowing: 1).write(SettingsFile.shipped())
        return ExitCode.done
    }
    guard let path = arguments.text("--config") else { throw UsageError("--config FILE is missing") }
    guard loadOrComplain(path, command: "check") != nil else { return ExitCode.failed }
    try File(borrowing: 1).write("ok\n")
    return ExitCode.done
}

/// Nil, and every problem on standard error, where the file is not valid.
func loadOrComplain(_ path: String?, command: String) -> Settings? {
    guard let path else { return Settings() }
    do throws(SettingsFailure) {
        return try SettingsFile.load(path)
    } catch {
        for problem in error.problems { Terminal.complain("\(path): \(problem)\n") }
        return nil
    }
}
