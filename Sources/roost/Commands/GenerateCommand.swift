import Core

let generateCommand = Command(
    name: "generate", summary: "Writes a synthetic event log (NDJSON), ordered by time.",
    options: [
        Option("--events", "N", "Events; default 25597319, or in proportion to --users."),
        Option("--users", "N", "Users; default 4481842, or in proportion to --events."),
        Option("--seed", "N", "Same seed, same bytes; default 42."),
        Option("--start", "YYYY-MM-DD", "First day (UTC); default 2024-07-01."),
        Option("--days", "N", "Days; default 184."),
        Option("--out", "FILE", "Where to; default standard output."),
        Option("--late", "SHARE", "Share of the lines that come late."),
        Option("--late-by", "DURATION", "How late at most, also the repeated ones; default 10m."),
        Option("--repeat", "SHARE", "Share of the lines that come twice."),
        Option("--malformed", "SHARE", "Unusable lines put in between, as a share of the events."),
        Option(switch: "--ids", "Give every event an event_id."),
    ],
    notes: """
        At full size the log has the published figures of the one behind this project: events by name, device
        and kind of source, users by main device and conversion, conversion by main medium, purchase values.
        """
) { arguments in
    let request = try generateRequest(arguments)
    let generator = try LogGenerator(request)
    guard let path = arguments.text("--out") else {
        var out = OutputBuffer(descriptor: 1)
        try generator.write(to: &out)
        return ExitCode.done
    }
    let file = try File(creating: path)
    var out = OutputBuffer(descriptor: file.descriptor)
    var bar = ProgressBar(total: Int64(request.events), unit: "events")
    try generator.write(to: &out) { bar.update(done: Int64($0), units: Int64($0)) }
    bar.finish()
    return ExitCode.done
}

/// What the options ask for; what is not said follows from what is.
func generateRequest(_ arguments: Arguments) throws(UsageError) -> GenerateRequest {
    var request = GenerateRequest()
    let events = try arguments.integer("--events", in: 1...1_000_000_000)
    let users = try arguments.integer("--users", in: 1...200_000_000)
    let ratio = Double(request.events) / Double(request.users)
    request.events = events ?? users.map { Int((Double($0) * ratio).rounded()) } ?? request.events
    request.users = users ?? events.map { max(1, Int((Double($0) / ratio).rounded())) } ?? request.users
    request.seed = try arguments.integer("--seed", in: 0...UInt64.max) ?? request.seed
    request.days = try arguments.integer("--days", in: 1...3650) ?? request.days
    if let start = arguments.text("--start") { request.startDay = try startDay(start) }
    var disturbances = Disturbances()
    disturbances.late = try arguments.share("--late") ?? 0
    disturbances.repeated = try arguments.share("--repeat") ?? 0
    disturbances.malformed = try arguments.share("--malformed") ?? 0
    disturbances.lateBy = try arguments.duration("--late-by") ?? 10 * Microseconds.minute
    disturbances.ids = arguments.has("--ids")
    request.disturbances = disturbances
    return request
}

private func startDay(_ text: String) throws(UsageError) -> Int32 {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    if text.count == 10, parts.count == 3, let year = parts[0], let month = parts[1], let day = parts[2],
        (1970...9000).contains(year), (1...12).contains(month), (1...31).contains(day)
    {
        let date = CalendarDate(year: year, month: month, day: day)
        if CalendarDate(dayNumber: date.dayNumber) == date { return date.dayNumber }
    }
    throw UsageError("--start wants a date such as 2024-07-01, not \(text)")
}

/// `roost bench generate`: planning and writing a twelfth of the full log, to nowhere.
func generateBench() throws -> Int32 {
    var request = GenerateRequest()
    request.events /= 12
    request.users /= 12
    let clock = SystemTime()
    let start = clock.monotonic()
    let generator = try LogGenerator(request)
    let planned = clock.monotonic()
    var out = OutputBuffer(descriptor: nil)
    try generator.write(to: &out)
    let done = clock.monotonic()
    func rate(_ microseconds: Int64) -> String {
        Readable.count(Int64(Double(request.events) * 1e6 / Double(max(1, microseconds))))
    }
    try File(borrowing: 1).write(
        """
        events          \(Readable.count(Int64(request.events))), \(Readable.bytes(out.written))
        planning        \(rate(planned - start)) events/s
        writing         \(rate(done - planned)) events/s
        both            \(rate(done - start)) events/s

        """)
    return ExitCode.done
}
