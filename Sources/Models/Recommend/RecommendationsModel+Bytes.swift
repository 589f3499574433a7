extension RecommendationsModel {
    private static let magic: UInt32 = 0x4345_5252  // RREC
    /// Version 1 has no demand.
    private static let version: UInt32 = 2

    /// The model, self-contained; equal models have equal bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(RecommendationsModel.magic)
        writer.put(RecommendationsModel.version)
        items.write(to: &writer)
        categories.write(to: &writer)
        for method in methods { writer.put(method.rawValue) }
        writer.put(UInt64(minimumHistory))
        recommender.write(to: &writer)
        writer.put(UInt32(amounts.count))
        for fit in amounts {
            writer.put(fit != nil)
            fit?.write(to: &writer)
        }
        for ratio in demand { writer.put(ratio.isNaN ? Float.nan.bitPattern : ratio.bitPattern) }
        return writer.bytes
    }

    /// Reads back what `bytes` gave; anything else is refused, never a trap.
    package init(bytes: [UInt8]) throws(CodingFailure) {
        self = try readBytes(bytes) { (reader) throws(CodingFailure) in
            try RecommendationsModel(from: &reader)
        }
    }

    private init(from reader: inout ByteReader) throws(CodingFailure) {
        guard try reader.uint32() == RecommendationsModel.magic else { throw .badMagic }
        let version = try reader.uint32()
        guard (1...RecommendationsModel.version).contains(version) else { throw .badVersion(version) }
        let items = try NameList(from: &reader)
        let categories = try NameList(from: &reader)
        var methods: [RecommendationMethod] = []
        for _ in HistoryKind.allCases {
            let at = reader.position
            guard let method = RecommendationMethod(rawValue: try reader.byte()) else {
                throw .badValue(at: at)
            }
            methods.append(method)
        }
        let minimumHistory = try reader.size()
        let recommender = try Recommender(from: &reader, items: items.count)
        var amounts: [AmountFactors?] = []
        for _ in 0..<(try reader.count(ofAtLeast: 1)) {
            let isFitted = try reader.flag()
            amounts.append(isFitted ? try AmountFactors(from: &reader, categories: categories.count) : nil)
        }
        let demand =
            version == 1
            ? [Float](repeating: .nan, count: items.count)
            : try reader.floats(items.count) { $0.isNaN || $0 >= 0 && $0.isFinite }
        try reader.finish()
        self.init(
            items: items, categories: categories, recommender: recommender, methods: methods,
            minimumHistory: minimumHistory, amounts: amounts, demand: demand)
    }
}

extension Recommender {
    func write(to writer: inout ByteWriter) {
        for share in popularity + recent { writer.put(share.bitPattern) }
        writer.put(UInt32(inSegment.count))
        for (segment, shares) in inSegment {
            writer.put(segment)
            for share in shares { writer.put(share.bitPattern) }
        }
        writer.put(UInt64(baskets))
        writer.put(UInt32(rules.count))
        for rule in rules {
            writer.put(rule.antecedent[0])
            writer.put(rule.antecedent.count == 2 ? rule.antecedent[1] : -1)
            writer.put(rule.consequent)
            for count in [rule.both, rule.antecedentCount, rule.consequentCount] { writer.put(UInt32(count)) }
        }
        writer.put(alpha)
        writer.put(regularization)
        writer.put(UInt32(factors?.factors ?? 0))
        guard let factors else { return }
        for item in 0..<itemCount {
            for value in factors.vector(item) { writer.put(value.bitPattern) }
        }
    }

    init(from reader: inout ByteReader, items: Int) throws(CodingFailure) {
        func floats() throws(CodingFailure) -> [Float] {
            try reader.floats(items) { $0 >= 0 && $0 <= 1 }
        }
        let popularity = try floats()
        let recent = try floats()
        var inSegment: [(segment: UInt8, shares: [Float])] = []
        for _ in 0..<(try reader.count(ofAtLeast: 1)) {
            inSegment.append((try reader.byte(), try floats()))
        }
        let baskets = try reader.size()
        var rules: [ItemRule] = []
        for _ in 0..<(try reader.count(ofAtLeast: 24)) {
            rules.append(try ItemRule(from: &reader, items: items, baskets: baskets))
        }
        let at = reader.position
        guard zip(rules, rules.dropFirst()).allSatisfy({ $0.antecedent[0] <= $1.antecedent[0] }) else {
            throw .badValue(at: at)
        }
        let alpha = try reader.double()
        let regularization = try reader.double()
        guard alpha > 0, alpha.isFinite, regularization > 0, regularization.isFinite else {
            throw .badValue(at: at)
        }
        self.init(
            itemCount: items, popularity: popularity, recent: recent, inSegment: inSegment, rules: rules,
            baskets: baskets, factors: try FactorMatrix(from: &reader, count: items), alpha: alpha,
            regularization: regularization)
    }
}

extension ItemRule {
    fileprivate init(from reader: inout ByteReader, items: Int, baskets: Int) throws(CodingFailure) {
        let at = reader.position
        let (first, second) = (try reader.integer(Int32.self), try reader.integer(Int32.self))
        consequent = try reader.integer(Int32.self)
        (both, antecedentCount, consequentCount) = (
            Int(try reader.uint32()), Int(try reader.uint32()), Int(try reader.uint32())
        )
        antecedent = second < 0 ? [first] : [first, second]
        guard first >= 0, second == -1 || second > first, consequent >= 0, second < items, first < items,
            consequent < items, both > 0, both <= antecedentCount, both <= consequentCount,
            max(antecedentCount, consequentCount) <= baskets
        else { throw .badValue(at: at) }
    }
}

extension FactorMatrix {
    /// Nil where the number of factors is 0.
    fileprivate init?(from reader: inout ByteReader, count: Int) throws(CodingFailure) {
        let at = reader.position
        let factors = Int(try reader.uint32())
        guard factors <= RecommendationsConfig.mostFactors, factors * count * 4 <= reader.remaining else {
            throw .badValue(at: at)
        }
        if factors == 0 { return nil }
        self.init(count: count, factors: factors)
        for item in 0..<count {
            let values = try reader.floats(factors) { $0.isFinite }
            for factor in 0..<factors { self[item, factor] = values[factor] }
        }
    }
}

extension AmountFactors {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.put(UInt32(factors))
        writer.put(regularization)
        writer.put(least)
        writer.put(greatest)
        writer.put(categories)
    }

    fileprivate init(from reader: inout ByteReader, categories count: Int) throws(CodingFailure) {
        let at = reader.position
        let factors = Int(try reader.uint32())
        let regularization = try reader.double()
        let (least, greatest) = (try reader.doubles(), try reader.doubles())
        let categories = try reader.doubles()
        guard (1...64).contains(factors), regularization >= 0, regularization.isFinite,
            least.count == count, greatest.count == count, categories.count == count * factors,
            (least + greatest + categories).allSatisfy(\.isFinite)
        else { throw .badValue(at: at) }
        self.init(
            factors: factors, regularization: regularization, least: least, greatest: greatest,
            categories: categories)
    }
}

extension ByteReader {
    /// So many numbers that all are as they must be.
    fileprivate mutating func floats(
        _ count: Int, _ isGood: (Float) -> Bool
    ) throws(CodingFailure) -> [Float] {
        let at = position
        guard count * 4 <= remaining else { throw .truncated(at: at) }
        var values: [Float] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(Float(bitPattern: try uint32())) }
        guard values.allSatisfy(isGood) else { throw .badValue(at: at) }
        return values
    }
}
