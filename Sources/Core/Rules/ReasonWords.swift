/// Reasons in words, for people: what `why` says in features, values and contributions.
///
/// A phrase a feature, in English or Korean; what has no phrase of its own stands with its name.
package struct ReasonWords: Sendable {
    package enum Language: Sendable {
        case english, korean

        /// Korean for `ko` and what begins with `ko-`; English for every other, and for none.
        package init(_ text: String) {
            self = text == "ko" || text.hasPrefix("ko-") ? .korean : .english
        }
    }

    /// What a contribution moves.
    package enum Effect: Sendable {
        /// A probability: up or down.
        case probability
        /// A date: later or earlier.
        case date
    }

    private let language: Language
    private let effect: Effect

    package init(_ language: Language, effect: Effect = .probability) {
        self.language = language
        self.effect = effect
    }

    /// Phrases told of each kind, at most.
    private static let most = 3

    /// The mean interval between purchase days, as a reason names it.
    package static let usualGap = "interval_mean_d"
    private static let sinceLast = "days_since_last"

    /// - Parameter usualGap: days between the user's purchases, where the reasons do not say it themselves.
    /// - Returns: nil where there is nothing to say.
    package func sentence(_ reasons: [Trigger.Reason], usualGap: Double? = nil) -> String? {
        let gap = reasons.first { $0.feature == Self.usualGap }?.value ?? usualGap
        let saysAbsence = reasons.contains { $0.feature == Self.sinceLast }
        let told = reasons.filter { !(saysAbsence && $0.feature == Self.usualGap) && $0.value.isFinite }
        let plain = told.filter { $0.contribution == nil }.map { phrase($0, gap) }
        let up = told.filter { ($0.contribution ?? 0) > 0 }.map { phrase($0, gap) }
        let down = told.filter { ($0.contribution ?? 0) < 0 }.map { phrase($0, gap) }
        var parts: [String] = []
        if !plain.isEmpty { parts.append(plain.joined(separator: ", ")) }
        for (list, head) in [(up, heads.up), (down, heads.down)] where !list.isEmpty {
            parts.append("\(head): \(list.prefix(Self.most).joined(separator: ", "))")
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private var heads: (up: String, down: String) {
        switch (language, effect) {
        case (.english, .probability): ("raising it", "lowering it")
        case (.english, .date): ("making it later", "making it sooner")
        case (.korean, .probability): ("높이는 요인", "낮추는 요인")
        case (.korean, .date): ("늦추는 요인", "앞당기는 요인")
        }
    }

    // MARK: Phrases

    private func phrase(_ reason: Trigger.Reason, _ gap: Double?) -> String {
        let name = reason.feature.split(separator: ".").last.map(String.init) ?? reason.feature
        if name == Self.sinceLast { return absence(reason.value, gap) }
        if name == "days_since_last_event" { return silence(reason.value) }
        let value = Self.number(reason.value)
        if let words = Self.phrases[name] {
            let text = language == .korean ? words.korean : words.english
            guard let place = text.firstIndex(of: "#") else { return text }
            return text[..<place] + value + text[text.index(after: place)...]
        }
        return "\(name.map { $0 == "_" ? " " : String($0) }.joined()) \(value)"
    }

    /// "no purchase for 41 days, twice the usual gap of 20"
    private func absence(_ days: Double, _ gap: Double?) -> String {
        let count = Self.number(days.rounded(.down))
        let head: String
        switch language {
        case .english:
            head = days < 1 ? "bought today" : "no purchase for \(count) \(days < 2 ? "day" : "days")"
        case .korean: head = days < 1 ? "오늘 구매" : "\(count)일 동안 구매 없음"
        }
        guard let gap, gap >= 1, days >= 1 else { return head }
        return "\(head)\(language == .korean ? "(" : ", ")\(ratio(days / gap, Self.number(gap.rounded())))"
            + (language == .korean ? ")" : "")
    }

    private func ratio(_ times: Double, _ gap: String) -> String {
        let isKorean = language == .korean
        switch times {
        case ..<0.85: return isKorean ? "평소 간격은 \(gap)일" : "the usual gap being \(gap)"
        case ..<1.15: return isKorean ? "평소 간격 \(gap)일과 비슷" : "about the usual gap of \(gap)"
        case 1.85..<2.15: return isKorean ? "평소 간격 \(gap)일의 2배" : "twice the usual gap of \(gap)"
        default:
            let text = Self.number((times * 10).rounded() / 10)
            return isKorean ? "평소 간격 \(gap)일의 \(text)배" : "\(text) times the usual gap of \(gap)"
        }
    }

    private func silence(_ days: Double) -> String {
        let isKorean = language == .korean
        let minutes = (days * 1440).rounded(.down)
        if minutes < 1 { return isKorean ? "방금 활동" : "seen just now" }
        func said(_ count: Double, _ unit: (english: String, korean: String)) -> String {
            let text = Self.number(count)
            return isKorean
                ? "\(text)\(unit.korean) 동안 활동 없음"
                : "nothing seen for \(text) \(unit.english)\(count == 1 ? "" : "s")"
        }
        if minutes < 60 { return said(minutes, ("minute", "분")) }
        if minutes < 2880 { return said((minutes / 60).rounded(.down), ("hour", "시간")) }
        return said(days.rounded(.down), ("day", "일"))
    }

    private static func number(_ value: Double) -> String {
        MessageTemplate.text(abs(value) < 1000 ? (value * 10).rounded() / 10 : value.rounded()) ?? "\(value)"
    }

    /// `#` stands for the value.
    private static let phrases: [String: (english: String, korean: String)] = [
        "session_start": ("# sessions begun", "세션 시작 #회"),
        "first_visit": ("# first visits", "첫 방문 #회"),
        "view_item": ("# items viewed", "상품 조회 #회"),
        "add_to_cart": ("# times put into the cart", "장바구니 담기 #회"),
        "begin_checkout": ("# checkouts begun", "결제 시작 #회"),
        "purchase": ("# purchases", "구매 #회"),
        "refund": ("# refunds", "환불 #회"),
        "login": ("# logins", "로그인 #회"),
        "sign_up": ("# sign-ups", "가입 #회"),
        "other": ("# other events", "기타 이벤트 #회"),
        "event_total": ("# events in all", "전체 이벤트 #회"),
        "events_7d": ("# events in 7 days", "최근 7일 이벤트 #회"),
        "events_30d": ("# events in 30 days", "최근 30일 이벤트 #회"),
        "events_90d": ("# events in 90 days", "최근 90일 이벤트 #회"),
        "short_sessions": ("# visits", "방문 #회"),
        "long_sessions": ("# long visits", "긴 방문 #회"),
        "short_mean_s": ("visits of # seconds on average", "평균 방문 #초"),
        "days_since_first_event": ("first seen # days ago", "첫 방문 후 #일"),
        "frequency": ("# days of repeat purchases", "재구매일 #일"),
        "recency_d": ("# days from the first to the last purchase", "첫 구매부터 마지막 구매까지 #일"),
        "T_d": ("a buyer for # days", "첫 구매 후 #일"),
        "age_d": ("a buyer for # days", "첫 구매 후 #일"),
        "intervals": ("# repeat purchases", "재구매 #회"),
        "purchases_30d": ("# purchases in 30 days", "최근 30일 구매 #회"),
        "purchases_90d": ("# purchases in 90 days", "최근 90일 구매 #회"),
        "interval_mean_d": ("a usual gap of # days between purchases", "평소 구매 간격 #일"),
        "interval_last_d": ("a last gap of # days", "마지막 구매 간격 #일"),
        "interval_before_last_d": ("a gap of # days before that", "그 전 구매 간격 #일"),
        "interval_sd_d": ("gaps that vary by # days", "구매 간격의 편차 #일"),
        "interval_min_d": ("a shortest gap of # days", "가장 짧은 구매 간격 #일"),
        "interval_max_d": ("a longest gap of # days", "가장 긴 구매 간격 #일"),
        "days_since_last_per_interval": (
            "# times the usual gap since the last purchase", "마지막 구매 후 평소 간격의 #배"
        ),
        "revenue": ("# spent in all", "총 구매액 #"),
        "mean_value": ("# a purchase", "평균 구매액 #"),
        "amount_mean": ("# a purchase", "평균 구매액 #"),
        "previous_amount": ("# spent last time", "지난 구매액 #"),
        "monetary_value": ("# a day of repeat purchases", "재구매일 평균 금액 #"),
        "coupon_used": ("# coupons used", "쿠폰 사용 #회"),
        "coupon_not_used": ("# coupons not used", "쿠폰 미사용 #회"),
        "coupon_clicked": ("# coupons clicked", "쿠폰 클릭 #회"),
        "session_s": ("# seconds into the visit", "방문 후 #초"),
        "session_view_item": ("# items viewed in this visit", "이번 방문의 상품 조회 #회"),
        "session_add_to_cart": ("# times put into the cart in this visit", "이번 방문의 장바구니 담기 #회"),
        "session_begin_checkout": ("# checkouts begun in this visit", "이번 방문의 결제 시작 #회"),
        "session_purchase": ("# purchases in this visit", "이번 방문의 구매 #회"),
        "hour": ("at # o'clock", "#시"),
    ]
}

extension TriggerEncoder {
    /// Appends the member `why_text`, reasons in words; nothing where there is none.
    package static func encodeWords(
        _ why: [Trigger.Reason], _ words: ReasonWords, usualGap: Double? = nil, into writer: inout JSONWriter
    ) {
        guard let text = words.sentence(why, usualGap: usualGap) else { return }
        writer.key("why_text")
        writer.value(text)
    }
}
