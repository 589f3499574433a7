import Core
import Models

/// `roost bench clv`: the two fits behind the lifetime value, on rows of frequency, recency, age and mean
/// amount, against the library that the field uses, on the same rows and one thread.
func lifetimeValueBench(_ request: BenchRequest) throws -> Int32 {
    let buyers = try BuyerRows(request.file).buyers
    let spenders = buyers.filter { $0.frequency > 0 && $0.monetaryValue > 0 }
    var library: [LibraryFit] = []
    if let folder = request.baseline { library.append(try LibraryFit(folder, request.file)) }
    var triplets = PurchaseTriplets([])
    let purchases = Repeated {
        triplets = PurchaseTriplets(buyers)
        return BetaGeometricFit(triplets, penalty: 0)
    }
    let spend = Repeated { GammaGammaFit(spenders, penalty: 0, qAbove: 0) }
    if let folder = request.baseline { library.append(try LibraryFit(folder, request.file)) }

    var figures = Figures()
    figures.add("buyers", count: Int64(buyers.count))
    figures.add("triplets", count: Int64(triplets.count))
    let (model, money) = (purchases.result.model, spend.result.model)
    figures.add(
        "BG/NBD",
        "\(Figures.milliseconds(purchases.best)), \(purchases.result.evaluations) evaluations: "
            + "r \(model.r), alpha \(model.alpha), a \(model.a), b \(model.b)")
    figures.add(
        "Gamma-Gamma",
        "\(Figures.milliseconds(spend.best)), \(spend.result.evaluations) evaluations: "
            + "p \(money.p), q \(money.q), v \(money.v)")
    LibraryFit.compare(library, "BG/NBD", purchases.best, [model.r, model.alpha, model.a, model.b], &figures)
    {
        $0.purchases
    }
    LibraryFit.compare(library, "Gamma-Gamma", spend.best, [money.p, money.q, money.v], &figures) { $0.spend }
    try figures.print()
    return ExitCode.done
}

/// Work done again until it has taken a second, five times at most.
private struct Repeated<Result> {
    let result: Result
    /// Microseconds of the quickest.
    let best: Int64

    init(_ work: () -> Result) {
        let clock = SystemTime()
        let begin = clock.monotonic()
        result = work()
        var best = clock.monotonic() - begin
        for _ in 1..<5 where clock.monotonic() - begin < Microseconds.second {
            let start = clock.monotonic()
            _ = work()
            best = min(best, clock.monotonic() - start)
        }
        self.best = best
    }
}

/// What the baseline's program found, in a line of names and numbers.
private struct LibraryFit {
    struct Fit {
        var microseconds: Int64
        var parameters: [Double]
    }

    let purchases: Fit
    let spend: Fit

    init(_ folder: String, _ file: String) throws {
        let program = "\(folder)/lifetimes_fit"
        var child = try Child(program, [file])
        let line = try child.line() ?? ""
        let ending = try child.end()
        let numbers = line.split(separator: " ").compactMap { Double($0) }
        guard ending.status == 0, numbers.count == 9 else {
            throw CommandFailure("\(program) failed (status \(ending.status)): \(line)")
        }
        purchases = Fit(microseconds: Int64(numbers[0] * 1e6), parameters: Array(numbers[1...4]))
        spend = Fit(microseconds: Int64(numbers[5] * 1e6), parameters: Array(numbers[6...8]))
    }

    /// - Parameter own: microseconds.
    static func compare(
        _ runs: [LibraryFit], _ name: String, _ own: Int64, _ parameters: [Double],
        _ figures: inout Figures, _ part: (LibraryFit) -> Fit
    ) {
        let fits = runs.map(part)
        guard let quickest = fits.min(by: { $0.microseconds < $1.microseconds }) else { return }
        let times = fits.map { Figures.milliseconds($0.microseconds) }.joined(separator: " and ")
        let apart = zip(parameters, quickest.parameters).map { abs($0 - $1) / abs($1) }.max() ?? 0
        figures.add("lifetimes \(name)", times)
        figures.add(
            "\(name) ratio",
            "\(Readable.fixed(Double(quickest.microseconds) / Double(max(1, own)), 1)) times as quick; "
                + "parameters at most \(Readable.percent(apart)) apart")
    }
}

/// Rows `frequency,recency,T,monetary_value`, the first three whole numbers, under a heading.
private struct BuyerRows {
    var buyers: [PurchaseSummary] = []

    init(_ path: String) throws {
        let file = try MappedLog(path)
        var start = file.lineEnd(from: 0)
        while start < file.bytes.count {
            let end = file.lineEnd(from: start)
            let text = String(decoding: file.bytes[start..<end], as: UTF8.self)
            let cells = text.split { $0 == "," || $0.isNewline }
            guard cells.count == 4, let frequency = Int32(cells[0]), let recency = Int32(cells[1]),
                let age = Int32(cells[2]), let amount = Double(cells[3]), 0 <= frequency,
                frequency <= recency, recency <= age, age <= PurchaseTriplets.greatest
            else { throw CommandFailure("\(path): not frequency,recency,T,monetary_value: \(text)") }
            buyers.append(
                PurchaseSummary(frequency: frequency, recency: recency, age: age, monetaryValue: amount))
            start = end
        }
    }
}
