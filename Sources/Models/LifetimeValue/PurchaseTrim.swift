/// Buyers set apart from a fit because few of them would decide it: those beyond a quantile of the frequency
/// or of the mean amount. They are scored like all others.
struct PurchaseTrim: Sendable, Equatable {
    private let share: Double
    /// Greatest frequency and mean amount of those kept.
    private let frequency: Double
    private let amount: Double
    private var apart = 0

    /// - Parameter share: in [0.5, 1]; 1 sets nobody apart.
    init(_ buyers: [PurchaseSummary], share: Double) {
        self.share = share
        frequency = PurchaseTrim.quantile(buyers.map { Double($0.frequency) }, share)
        amount = PurchaseTrim.quantile(buyers.map(\.monetaryValue), share)
        apart = buyers.count - kept(buyers).count
    }

    func kept(_ buyers: [PurchaseSummary]) -> [PurchaseSummary] {
        buyers.filter { Double($0.frequency) <= frequency && $0.monetaryValue <= amount }
    }

    /// Interpolated linearly between two order statistics, as pandas' `quantile`.
    private static func quantile(_ values: [Double], _ share: Double) -> Double {
        guard share < 1, !values.isEmpty else { return .infinity }
        let sorted = values.sorted()
        let position = share * Double(sorted.count - 1)
        let below = Int(position)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
    }

    var tree: Tree {
        .object([
            .init("trim", .finite(share)), .init("buyers", .int(Int64(apart))),
            .init("frequency_above", .finite(frequency)), .init("amount_above", .finite(amount)),
        ])
    }
}
