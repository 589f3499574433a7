import Models

/// Users with tastes: each buys mostly from the few items of a taste of their own, on several days, and spends
/// by category.
struct Shoppers {
    struct User {
        var hash: UInt64
        var segment: UInt8
        var grade: UInt8
        /// Day and items of each basket.
        var baskets: [(day: Int32, items: [Int])]
        var amounts: [(category: Int, amount: Double)]
    }

    var users: [User] = []
    let itemCount: Int
    let categoryCount = 6
    var asOfDay: Int32 = 400

    /// - Parameter tastes: groups of items; 1: everybody buys anything.
    init(_ count: Int, tastes: Int = 4, itemsOfATaste: Int = 12, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        itemCount = tastes * itemsOfATaste
        for _ in 0..<count {
            let taste = generator.below(tastes)
            let hash = generator.next()
            let baskets = (0..<3 + generator.below(4)).map { number -> (day: Int32, items: [Int]) in
                let items = (0..<1 + generator.below(3)).map { _ in
                    // One in ten is from anywhere.
                    generator.uniform() < 0.1
                        ? generator.below(itemCount) : taste * itemsOfATaste + generator.below(itemsOfATaste)
                }
                return (Int32(number * 40 + generator.below(30)), Set(items).sorted())
            }
            let level = 1 + generator.uniform()
            let amounts = (0..<categoryCount).filter { _ in generator.uniform() < 0.7 }.map {
                (
                    category: $0,
                    amount: 100 * level * Double(1 + $0) * (0.95 + 0.1 * generator.uniform())
                )
            }
            users.append(
                User(
                    hash: hash, segment: UInt8(taste % 3), grade: UInt8(1 + taste % 2), baskets: baskets,
                    amounts: amounts))
        }
    }

    var config: RecommendationsConfig {
        var config = RecommendationsConfig()
        config.implicit.factors = 8
        config.implicit.iterations = 10
        config.minimumUsers = 10
        return config
    }

    /// The name of an item; longer for some, and not in the order of the numbers.
    static func name(_ item: Int) -> String { "item-\((item * 37) % 101)-\(item)" }

    var input: RecommendationsInput {
        var input = RecommendationsInput()
        for item in 0..<itemCount { input.items.append(Self.name(item).utf8) }
        for category in 0..<categoryCount { input.categories.append("category \(category)".utf8) }
        for (number, user) in users.enumerated() {
            input.hashes.append(user.hash)
            input.segments.append(user.segment)
            input.grades.append(user.grade)
            var counts: [Int: UInt32] = [:]
            for basket in user.baskets {
                for item in basket.items {
                    counts[item, default: 0] += 1
                    input.lineUsers.append(UInt32(number))
                    input.lineDays.append(basket.day)
                    input.lineItems.append(UInt32(item))
                }
            }
            for (item, count) in counts.sorted(by: { $0.key < $1.key }) {
                input.historyItems.append(UInt32(item))
                input.historyCounts.append(count)
            }
            input.historyOffsets.append(UInt32(input.historyItems.count))
            for (category, amount) in user.amounts {
                input.amountCategories.append(UInt32(category))
                input.amounts.append(amount)
            }
            input.amountOffsets.append(UInt32(input.amounts.count))
        }
        input.asOfDay = asOfDay
        input.segmentNames = ["loyal", "dormant"]
        return input
    }

    func request(_ config: RecommendationsConfig? = nil) -> [UInt8] {
        FitRequest.recommendations(input, config: config ?? self.config, seed: 42).bytes
    }

    func fit(_ config: RecommendationsConfig? = nil) throws -> FitResult.Candidate {
        let result = try FitResult(bytes: fitBytes(request(config)))
        guard case .fitted(let candidate) = result else { throw Refused(result: result) }
        return candidate
    }

    struct Refused: Error {
        var result: FitResult
    }

    func reordered(_ order: [Int]) -> Shoppers {
        var shoppers = self
        shoppers.users = order.map { users[$0] }
        return shoppers
    }
}
