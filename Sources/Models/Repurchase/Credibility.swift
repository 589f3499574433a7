/// How much a buyer's own intervals weigh against everybody's: the Bühlmann–Straub credibility estimate
/// (Bühlmann and Straub 1970), the empirical Bayes answer where nothing is assumed of the distributions.
struct Credibility: Sendable, Equatable {
    /// κ: everybody's mean counts as much as so many intervals of one's own.
    var weight: Double
    /// μ, days: the mean interval, each buyer weighed by how much is known of them.
    var mean: Double

    /// A buyer's intervals: how many, their sum and the sum of their squares. All whole numbers, so that sums
    /// of them do not depend on the order.
    struct Buyer: Sendable, Comparable {
        var count: Int
        var sum: Int
        var squares: Int

        static func < (a: Buyer, b: Buyer) -> Bool {
            (a.count, a.sum, a.squares) < (b.count, b.sum, b.squares)
        }
    }

    static let least = 0.05
    static let most = 1000.0

    /// - Parameter buyers: those with at least one interval; not empty.
    init(_ buyers: [Buyer]) {
        let buyers = buyers.sorted()
        let intervals = Double(buyers.reduce(0) { $0 + $1.count })
        let overall = Double(buyers.reduce(0) { $0 + $1.sum }) / intervals
        var within = 0.0
        var between = 0.0
        var squaredCounts = 0.0
        for buyer in buyers {
            let count = Double(buyer.count)
            let own = Double(buyer.sum) / count
            within += max(0, Double(buyer.squares) - own * Double(buyer.sum))
            between += count * (own - overall) * (own - overall)
            squaredCounts += count * count
        }
        let freedom = intervals - Double(buyers.count)
        let spread = intervals - squaredCounts / intervals
        let noise = freedom > 0 ? within / freedom : 0
        let signal = spread > 0 ? (between - Double(buyers.count - 1) * noise) / spread : 0
        // Without a sign that buyers differ, everybody's mean is the best guess for each of them.
        let ratio = signal > 0 && freedom > 0 ? noise / signal : Credibility.most
        weight = min(max(ratio, Credibility.least), Credibility.most)
        var total = 0.0
        var sum = 0.0
        for buyer in buyers {
            let count = Double(buyer.count)
            let credit = count / (count + weight)
            total += credit
            sum += credit * Double(buyer.sum) / count
        }
        mean = sum / total
    }

    init(weight: Double, mean: Double) {
        self.weight = weight
        self.mean = mean
    }

    /// m_u = (Σ intervals + κ·μ) / (n + κ), days.
    func shrunk(sum: Double, count: Int) -> Double {
        (sum + weight * mean) / (Double(count) + weight)
    }
}
