import Core

/// The executable's commands, and how a command line finds its own.
enum CommandTable {
    static let version = "0.1.0"

    static let all: [Command] = [
        serveCommand, replayCommand, backtestCommand, importCommand, tailCommand, statusCommand,
        exportCommand, checkCommand,
        generateCommand, backupCommand, benchCommand, fitCommand,
    ]

    /// - Parameter words: the command line without the program's name.
    /// - Returns: the exit code.
    static func run(_ words: [String]) -> Int32 {
        guard let name = words.first else { return usage(Help.overview) }
        switch name {
        case "--help", "-h", "help": return say(Help.overview)
        case "--version": return say("roost \(version)\n")
        default: break
        }
        guard let command = all.first(where: { $0.name == name }) else {
            let near = Spelling.nearest(to: name, among: all.filter { !$0.isHidden }.map(\.name))
            let hint = near.map { "; did you mean \($0)?" } ?? ""
            return usage("roost: unknown command \(name)\(hint)\nroost --help lists them.\n")
        }
        return run(command, words.dropFirst())
    }

    private static func run(_ command: Command, _ words: ArraySlice<String>) -> Int32 {
        do {
            let arguments = try Arguments(words, for: command)
            if arguments.wantsHelp {
                return say(Help.text(of: command.narrowed(arguments.operands) ?? command))
            }
            return try command.run(arguments)
        } catch let error as UsageError {
            return usage("roost \(command.name): \(error.reason)\nroost \(command.name) --help explains.\n")
        } catch let error as CommandFailure {
            Terminal.complain("roost \(command.name): \(error.reason)\n")
        } catch {
            Terminal.complain("roost \(command.name): \(error)\n")
        }
        return ExitCode.failed
    }

    private static func say(_ text: String) -> Int32 {
        do throws(SystemFailure) {
            try File(borrowing: 1).write(text)
            return ExitCode.done
        } catch {
            Terminal.complain("roost: \(error)\n")
            return ExitCode.failed
        }
    }

    private static func usage(_ text: String) -> Int32 {
        Terminal.complain(text)
        return ExitCode.usage
    }
}

/// Help texts, from the table.
enum Help {
    static var overview: String {
        let listed = CommandTable.all.filter { !$0.isHidden }
        let width = listed.map(\.name.count).max() ?? 0
        return "Roost: a customer event engine.\n\nusage: roost COMMAND …\n\n"
            + listed.map { "  \(padded($0.name, width))  \($0.summary)\n" }.joined()
            + "\nroost COMMAND --help explains one. Exit codes: 0 done, 1 failed, 2 usage.\n"
    }

    static func text(of command: Command) -> String {
        var line = "usage: roost \(command.name)"
        if !command.operandsName.isEmpty {
            line +=
                command.operands.lowerBound > 0 ? " \(command.operandsName)" : " [\(command.operandsName)]"
        }
        if !command.options.isEmpty { line += " [option …]" }
        let rows =
            command.options.map { option in
                (option.value.map { "\(option.name) \($0)" } ?? option.name, option.sentence)
            }
            + [("--help", "This text.")]
        let width = rows.map { $0.0.count }.max() ?? 0
        let notes = command.notes.isEmpty ? "" : "\n\(command.notes)\n"
        return "\(line)\n\n\(command.summary)\n\n"
            + rows.map { "  \(padded($0.0, width))  \($0.1)\n" }.joined() + notes
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
