import Core

/// One option of a command.
struct Option: Sendable {
    var name: String
    /// What its value is called in the help; nil: a switch without value.
    var value: String?
    var sentence: String
    /// May be given several times.
    var repeats: Bool

    init(_ name: String, _ value: String, repeats: Bool = false, _ sentence: String) {
        self.name = name
        self.value = value
        self.sentence = sentence
        self.repeats = repeats
    }

    init(switch name: String, _ sentence: String) {
        self.name = name
        self.sentence = sentence
        repeats = false
    }
}

/// What a command takes and does: the table that parsing, `--help` and running all follow.
struct Command: Sendable {
    var name: String
    /// One line for the list of commands.
    var summary: String
    /// What its operands are called, such as `FILE…`; empty: it takes none.
    var operandsName = ""
    var operands: ClosedRange<Int> = 0...0
    var options: [Option] = []
    /// Further lines of the help.
    var notes = ""
    /// Not listed: the daemon runs it itself.
    var isHidden = false
    /// What its help is about once operands are given, such as one of several measurements; nil: itself.
    var narrowed: @Sendable ([String]) -> Command? = { _ in nil }
    /// - Returns: the exit code.
    var run: @Sendable (Arguments) throws -> Int32
}

/// Exit codes of the executable.
enum ExitCode {
    static let done: Int32 = 0
    static let failed: Int32 = 1
    static let usage: Int32 = 2
}

/// The command line cannot be understood.
struct UsageError: Error, Equatable {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

/// A command could not do its work; the reason is for a person.
struct CommandFailure: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

/// The words after a command's name, checked against its table.
struct Arguments: Sendable, Equatable {
    private(set) var operands: [String] = []
    private(set) var wantsHelp = false
    private var values: [String: [String]] = [:]

    init(_ words: some Sequence<String>, for command: Command) throws(UsageError) {
        var rest = Array(words)[...]
        var optionsEnded = false
        while let word = rest.popFirst() {
            if optionsEnded || word == "-" || !word.hasPrefix("-") {
                operands.append(word)
            } else if word == "--" {
                optionsEnded = true
            } else if word == "--help" || word == "-h" {
                wantsHelp = true
            } else {
                try take(word, rest: &rest, of: command)
            }
        }
        if !wantsHelp { try checkOperands(of: command) }
    }

    private mutating func take(
        _ word: String, rest: inout ArraySlice<String>, of command: Command
    ) throws(UsageError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        guard let option = command.options.first(where: { $0.name == parts[0] }) else {
            let near = Spelling.nearest(to: parts[0], among: command.options.map(\.name))
            throw UsageError("unknown option \(parts[0])" + (near.map { "; did you mean \($0)?" } ?? ""))
        }
        if values[option.name] != nil, !option.repeats { throw UsageError("\(option.name) is given twice") }
        guard let valueName = option.value else {
            if parts.count > 1 { throw UsageError("\(option.name) takes no value") }
            values[option.name] = []
            return
        }
        guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
            throw UsageError("\(option.name) wants a value: \(option.name) \(valueName)")
        }
        values[option.name, default: []].append(value)
    }

    private func checkOperands(of command: Command) throws(UsageError) {
        if operands.count < command.operands.lowerBound {
            throw UsageError("\(command.operandsName) is missing")
        }
        if operands.count > command.operands.upperBound {
            throw UsageError("\"\(operands[command.operands.upperBound])\" is one operand too many")
        }
    }

    func has(_ option: String) -> Bool { values[option] != nil }
    func text(_ option: String) -> String? { values[option]?.first }
    func texts(_ option: String) -> [String] { values[option] ?? [] }

    func integer<Number: FixedWidthInteger>(
        _ option: String, in range: ClosedRange<Number>
    ) throws(UsageError) -> Number? {
        guard let text = text(option) else { return nil }
        guard let number = Number(text.replacing("_", with: "").replacing(",", with: "")),
            range.contains(number)
        else {
            throw UsageError(
                "\(option) wants a whole number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return number
    }

    /// A share of a whole: `0.02` or `2%`.
    func share(_ option: String) throws(UsageError) -> Double? {
        guard let text = text(option) else { return nil }
        let number = text.hasSuffix("%") ? Double(text.dropLast()).map { $0 / 100 } : Double(text)
        guard let number, (0...1).contains(number) else {
            throw UsageError("\(option) wants a share such as 0.02 or 2%, not \(text)")
        }
        return number
    }

    /// Microseconds.
    func duration(_ option: String) throws(UsageError) -> Int64? {
        guard let text = text(option) else { return nil }
        guard let duration = DurationText.parse(text) else {
            throw UsageError("\(option) wants a duration such as 30m, not \(text)")
        }
        return duration
    }

    func address(_ option: String, default other: String) throws(UsageError) -> ListenAddress {
        let text = text(option) ?? other
        if let reason = ListenAddress.reasonAgainst(text) { throw UsageError("\(option): \(reason)") }
        guard let address = ListenAddress(text), address.port != 0 else {
            throw UsageError("\(option) wants a port")
        }
        return address
    }
}
