import Models
import Testing

/// What every model promises, in terms of bytes in and bytes out: the one suite each of them passes.
enum Contestant: String, CaseIterable, CustomTestStringConvertible {
    case segments
    case repurchase
    case tiers
    case lifetimeValue
    case churn
    case highIntent
    case drivers
    case recommendations

    var testDescription: String { rawValue }

    /// A request over some hundred rows in a given order.
    func request(order: (Int) -> [Int] = { Array(0..<$0) }) -> [UInt8] {
        switch self {
        case .segments:
            let table = visitors(600, seed: 5)
            return table.reordered(order(table.users)).request()
        case .repurchase:
            let histories = poissonBuyers(300, seed: 5)
            return histories.reordered(order(histories.days.count)).request()
        case .tiers:
            let buyers = Buyers(random: 600, seed: 5)
            return buyers.reordered(order(buyers.heldOut.count)).request()
        case .lifetimeValue:
            let spenders = spenders(600)
            return spenders.reordered(order(spenders.purchases.count)).request()
        case .churn, .highIntent:
            let anchors = Anchors.churn(users: 60, seed: 5)
            let ordered = anchors.reordered(order(anchors.rows))
            return self == .churn
                ? ordered.request(ChurnModel.self) : ordered.request(HighIntentModel.self)
        case .drivers:
            let carts = Carts(600, seed: 5)
            return carts.reordered(order(carts.users)).request()
        case .recommendations:
            let shoppers = Shoppers(300, seed: 5)
            return shoppers.reordered(order(shoppers.users.count)).request()
        }
    }

    /// A request over few rows.
    var small: [UInt8] {
        switch self {
        case .segments: visitors(40, seed: 1).request()
        case .repurchase: poissonBuyers(20, seed: 1).request()
        case .tiers: Buyers(random: 20, seed: 1).request()
        case .lifetimeValue: spenders(100).request()
        case .churn: Anchors.churn(users: 10, anchors: 3, seed: 1).request(ChurnModel.self)
        case .highIntent: Anchors.churn(users: 10, anchors: 3, seed: 1).request(HighIntentModel.self)
        case .drivers: Carts(30, seed: 1).request()
        case .recommendations: Shoppers(15, seed: 1).request()
        }
    }

    func restored(_ bytes: [UInt8]) throws(CodingFailure) -> [UInt8] {
        switch self {
        case .segments: try SegmentsModel(bytes: bytes).bytes
        case .repurchase: try RepurchaseModel(bytes: bytes).bytes
        case .tiers: try TiersModel(bytes: bytes).bytes
        case .lifetimeValue: try LifetimeValueModel(bytes: bytes).bytes
        case .churn: try ChurnModel(bytes: bytes).bytes
        case .highIntent: try HighIntentModel(bytes: bytes).bytes
        case .drivers: try DriversModel(bytes: bytes).bytes
        case .recommendations: try RecommendationsModel(bytes: bytes).bytes
        }
    }
}

/// Buyers whose intervals are geometric with means of their own.
func poissonBuyers(_ count: Int, seed: UInt64, until asOfDay: Int32 = 720) -> Histories {
    var generator = SeededGenerator(seed: seed)
    let days = (0..<count).map { _ -> [Int32] in
        let mean = 10 + generator.exponential(mean: 40)
        var day = Int32(generator.below(200))
        var days = [day]
        while true {
            day += 1 + Int32(generator.exponential(mean: mean))
            if day > asOfDay { break }
            days.append(day)
        }
        return days
    }
    return Histories(days, asOfDay: asOfDay)
}

/// Buyers with rates, leavings and amounts of their own.
func spenders(_ count: Int) -> Spenders {
    Spenders(
        BetaGeometric(r: 1, alpha: 20, a: 1, b: 3), GammaGamma(p: 5, q: 4, v: 30_000), buyers: count, seed: 5)
}

/// Bytes at a multiple of 16, as a mapped file has them.
func fitBytes(_ bytes: [UInt8]) -> [UInt8] {
    let store = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 16)
    defer { store.deallocate() }
    store.copyBytes(from: bytes)
    return fit(request: UnsafeRawBufferPointer(rebasing: store[..<bytes.count]))
}

@Suite struct ModelContractTests {
    private func candidate(_ request: [UInt8]) throws -> FitResult.Candidate {
        guard case .fitted(let candidate) = try FitResult(bytes: fitBytes(request)) else {
            throw CodingFailure.badMagic
        }
        return candidate
    }

    @Test(arguments: Contestant.allCases)
    func `the same request gives the same bytes`(_ contestant: Contestant) {
        let request = contestant.request()
        #expect(fitBytes(request) == fitBytes(request))
    }

    @Test(arguments: Contestant.allCases)
    func `the input is not changed`(_ contestant: Contestant) {
        let request = contestant.request()
        let store = UnsafeMutableRawBufferPointer.allocate(byteCount: request.count, alignment: 16)
        defer { store.deallocate() }
        store.copyBytes(from: request)
        _ = fit(request: UnsafeRawBufferPointer(store))
        #expect(Array(store) == request)
    }

    @Test(arguments: Contestant.allCases)
    func `the order of rows changes nothing at all`(_ contestant: Contestant) {
        var generator = SeededGenerator(seed: 77)
        let straight = fitBytes(contestant.request())
        let shuffled = fitBytes(contestant.request { Array(0..<$0).shuffled(using: &generator) })
        #expect(straight == shuffled)
    }

    @Test(arguments: Contestant.allCases)
    func `what was saved is restored equal`(_ contestant: Contestant) throws {
        let model = try candidate(contestant.request()).model
        #expect(try contestant.restored(model) == model)
    }

    @Test(arguments: Contestant.allCases)
    func `a sound fit passes the gate and tells its error beside the baseline's`(
        _ contestant: Contestant
    ) throws {
        let candidate = try candidate(contestant.request())
        #expect(Gate.judge(candidate.evidence).adopted, "\(Gate.judge(candidate.evidence))")
        #expect(!candidate.metrics.isEmpty && !candidate.baseline.isEmpty && !candidate.parameters.isEmpty)
    }

    @Test(arguments: Contestant.allCases)
    func `bytes cut anywhere are refused`(_ contestant: Contestant) throws {
        let request = contestant.request()
        for length in stride(from: 0, to: request.count, by: max(1, request.count / 97)) {
            let result = try FitResult(bytes: fitBytes(Array(request[..<length])))
            guard case .refused = result else {
                Issue.record("cut at \(length) was taken")
                return
            }
        }
        let model = try candidate(request).model
        for length in 0..<model.count {
            #expect(throws: CodingFailure.self) { try contestant.restored(Array(model[..<length])) }
        }
    }

    @Test(arguments: Contestant.allCases)
    func `damaged bytes never trap`(_ contestant: Contestant) throws {
        var generator = SeededGenerator(seed: 3)
        let small = contestant.small
        for _ in 0..<150 {
            var request = small
            for _ in 0...generator.below(4) {
                request[generator.below(request.count)] = UInt8(generator.below(256))
            }
            _ = try FitResult(bytes: fitBytes(request))
        }
        let result = fitBytes(contestant.request())
        let model = try candidate(contestant.request()).model
        for _ in 0..<2_000 {
            var damaged = result
            damaged[generator.below(damaged.count)] ^= UInt8(1 << generator.below(8))
            do { _ = try FitResult(bytes: damaged) } catch { _ = error.reason }
            var broken = model
            broken[generator.below(broken.count)] ^= UInt8(1 << generator.below(8))
            do { _ = try contestant.restored(broken) } catch { _ = error.reason }
        }
    }

    @Test func `an unknown model is refused by name`() throws {
        var request = Contestant.segments.request()
        request[12] = UInt8(ascii: "z")
        let result = try FitResult(bytes: fitBytes(request))
        #expect(result == .refused("no model is called zegments"))
    }
}
