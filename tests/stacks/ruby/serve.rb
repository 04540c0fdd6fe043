# Serves apps of Rails, one port each: reads a list of apps on standard input and prints the ports by host as JSON once
# all listen. A process each: Rails has one application a process.
require "json"
require "socket"
require "rails"
require "action_controller/railtie"
require "rack/cors"
require "puma"
require "puma/server"

class ByHand
  def initialize(inner, app)
    @inner = inner
    @app = app
  end

  def call(env)
    status, headers, body =
      if @app["options"] && env["REQUEST_METHOD"] == "OPTIONS"
        [204, {}, []]
      elsif @app["auth"] && env["HTTP_AUTHORIZATION"] != "Basic dTpw"
        [401, {}, []]
      else
        @inner.call(env)
      end
    @app["lines"].each { |name, value| headers[name] = value }
    [status, headers, body]
  end
end

class ItemsController < ActionController::API
  def item
    render json: {}
  end

  def fail
    raise "on purpose"
  end
end

def application(app)
  site = Class.new(Rails::Application) do
    config.root = Dir.pwd
    config.eager_load = false
    config.secret_key_base = "for tests alone"
    config.consider_all_requests_local = false
    config.hosts.clear
    config.logger = Logger.new(IO::NULL)
    config.middleware.use ByHand, app
  end
  Object.const_set(:Site, site)
  Rails.application = site.instance
  eval(app["snippet"], TOPLEVEL_BINDING, "config/initializers/cors.rb") if app["snippet"]
  Rails.application.initialize!
  Rails.application.routes.draw do
    match "item", to: "items#item", via: [:get, :put, :patch, :delete]
    get "fail", to: "items#fail"
  end
  Rails.application
end

ports = {}
JSON.parse($stdin.read).each do |app|
  listening = TCPServer.new("127.0.0.1", 0)
  ports[app["host"]] = listening.addr[1]
  fork do
    $stdout.reopen(IO::NULL)
    server = Puma::Server.new(application(app), Puma::Events.null)
    server.binder.inherit_tcp_listener("127.0.0.1", listening.addr[1], listening)
    server.run.join
  end
  listening.close
end
puts JSON.generate(ports)
$stdout.flush
sleep
