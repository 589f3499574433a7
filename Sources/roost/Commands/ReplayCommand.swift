import Core

let replayCommand = Command(
    name: "replay", summary: "Feeds logs (NDJSON, gzip too) to a daemon and waits until they are on disk.",
    operandsName: "FILE…", operands: 1...10_000,
    options: [
        Option("--to", "HOST:PORT", "Ingest port; default 127.0.0.1:7001."),
        Option("--rate", "N/s", "Lines a second; default as fast as they are taken."),
        Option("--producer", "NAME", "Goes on where this name left off; default a name of this run."),
        Option("--advance", "TIME", "Then moves the event clock to this time."),
        Option(switch: "--plain", "Without acknowledgements, as nc would."),
    ] + Access.options,
    notes: "FILE - is standard input. Rejected lines are told on standard error by number, code and reason."
) { arguments in
    var request = ReplayRequest(
        files: arguments.operands,
        address: try arguments.address("--to", default: Settings().listen.ingest.address))
    request.producer = arguments.text("--producer")
    request.plain = arguments.has("--plain")
    request.advance = arguments.text("--advance")
    request.rate = try rate(arguments.text("--rate"))
    if request.plain, request.producer != nil || request.advance != nil {
        throw UsageError("--plain speaks no protocol: --producer and --advance do not go with it")
    }
    request.access = try Access(arguments)
    var replay = try Replay(request)
    try replay.run()
    return ExitCode.done
}

private func rate(_ text: String?) throws(UsageError) -> Double? {
    guard let text else { return nil }
    let number = text.hasSuffix("/s") ? text.dropLast(2) : text[...]
    guard let rate = Double(number), rate > 0, rate.isFinite else {
        throw UsageError("--rate wants lines a second, such as 5000/s, not \(text)")
    }
    return rate
}

extension String {
    /// Without blanks at either end.
    var trimmed: String {
        let front = drop { $0.isWhitespace }
        guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(front[...last])
    }
}
