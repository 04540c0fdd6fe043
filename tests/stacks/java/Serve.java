// Serves apps with Spring's CORS filter in Tomcat, one port each: reads a line for each app on standard input (host, class
// of the configuration or "-", options, auth, then header names and values, all separated by tabs) and prints the ports by
// host as JSON once all listen.
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;

public class Serve {
    static class Item extends HttpServlet {
        final String[] app;

        Item(String[] app) {
            this.app = app;
        }

        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            String path = request.getRequestURI();
            if (path.equals("/fail")) throw new IllegalStateException("on purpose");
            if (!path.equals("/item")) response.sendError(404);
            else if (request.getMethod().equals("OPTIONS")) response.sendError(405);
            else response.getWriter().print("{}");
        }
    }

    /** The faults and the login, as a filter behind that of the configuration. */
    static class ByHand implements Filter {
        final String[] app;

        ByHand(String[] app) {
            this.app = app;
        }

        public void init(FilterConfig config) {}

        public void destroy() {}

        public void doFilter(ServletRequest asked, ServletResponse answered, FilterChain chain)
                throws IOException, ServletException {
            HttpServletRequest request = (HttpServletRequest) asked;
            HttpServletResponse response = (HttpServletResponse) answered;
            for (int i = 4; i + 1 < app.length; i += 2) response.setHeader(app[i], app[i + 1]);
            response.setHeader("X-Application-Context", "stacks");
            boolean isOptions = request.getMethod().equals("OPTIONS");
            if (app[2].equals("true") && isOptions) response.setStatus(204);
            else if (app[3].equals("true") && !"Basic dTpw".equals(request.getHeader("Authorization")))
                response.sendError(401);
            else chain.doFilter(request, response);
        }
    }

    static void filter(Context context, String name, Filter filter) {
        FilterDef definition = new FilterDef();
        definition.setFilterName(name);
        definition.setFilter(filter);
        context.addFilterDef(definition);
        FilterMap map = new FilterMap();
        map.setFilterName(name);
        map.addURLPattern("/*");
        context.addFilterMap(map);
    }

    public static void main(String[] arguments) throws Exception {
        Logger.getLogger("").setLevel(Level.OFF);
        List<String> ports = new ArrayList<>();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null; ) {
            String[] app = line.split("\t");
            Tomcat tomcat = new Tomcat();
            tomcat.setBaseDir(new File(app[0]).getAbsolutePath());
            tomcat.setPort(0);
            tomcat.getConnector().setProperty("address", "127.0.0.1");
            Context context = tomcat.addContext("", new File(".").getAbsolutePath());
            if (!app[1].equals("-")) {
                Object configuration = Class.forName(app[1]).getDeclaredConstructor().newInstance();
                Object made = configuration.getClass().getDeclaredMethod("corsRegistration").invoke(configuration);
                filter(context, "cors", ((FilterRegistrationBean<?>) made).filter);
            }
            filter(context, "byHand", new ByHand(app));
            Tomcat.addServlet(context, "item", new Item(app));
            context.addServletMappingDecoded("/*", "item");
            tomcat.start();
            ports.add("\"" + app[0] + "\": " + tomcat.getConnector().getLocalPort());
        }
        System.out.println("{" + String.join(", ", ports) + "}");
        Thread.currentThread().join();
    }
}

/** What Spring Boot has of it, which Debian has not: a filter with its place. */
class FilterRegistrationBean<T extends Filter> {
    final T filter;
    int order;

    FilterRegistrationBean(T filter) {
        this.filter = filter;
    }

    void setOrder(int order) {
        this.order = order;
    }
}
