import Core

/// A measurement that `roost bench NAME` runs.
struct Bench: Sendable {
    var name: String
    var summary: String
    /// - Parameter file: the operand after the name, where one is given.
    /// - Returns: the exit code.
    var run: @Sendable (_ file: String?) throws -> Int32

    static let all: [Bench] = [
        Bench(name: "generate", summary: "Lines a second of the log's generator.", run: generateBench)
    ]
}

let benchCommand = Command(
    name: "bench", summary: "Measures this machine.", operandsName: "NAME [FILE]", operands: 1...2,
    notes: Bench.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n")
) { arguments in
    guard let bench = Bench.all.first(where: { $0.name == arguments.operands[0] }) else {
        let known = Bench.all.map(\.name).joined(separator: ", ")
        throw UsageError("unknown bench \(arguments.operands[0]); known are \(known)")
    }
    return try bench.run(arguments.operands.count > 1 ? arguments.operands[1] : nil)
}
